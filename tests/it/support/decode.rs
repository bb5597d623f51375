//! Decodes streams and reads the clock in the picture and the beep in the sound.
