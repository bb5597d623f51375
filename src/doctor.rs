//! Checks what the machine must have, and names the command that mends it.
