//! What waits for a target that is slower than the program: counted in frames, never stale.

use std::collections::VecDeque;

/// Video frames that may wait: a third of a second at 30 a second.
const MAX_VIDEO: usize = 10;
/// Audio packets that may wait: 0.6 s and more, of the shortest. More than the video, so that it is the video that overflows first.
const MAX_AUDIO: usize = 64;

/// The two lanes into a muxer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// H.264 access units.
    Video,
    /// Opus or AAC packets.
    Audio,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    /// No connection: everything is dropped.
    Shut,
    /// Connected; both lanes begin with the next key frame.
    WaitingForKey,
    Open,
    /// The target takes nothing: everything is dropped until it does.
    Stuck,
}

/// What a lane gets when it has room.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The next packet.
    Packet(T),
    /// Nothing is there.
    Nothing,
    /// The target had stopped and takes data again: a key frame is wanted.
    Resumed,
}

/// A bounded backlog of packets, in two lanes.
#[derive(Debug)]
pub struct Backlog<T> {
    gate: Gate,
    video: VecDeque<T>,
    audio: VecDeque<T>,
    dropped: u64,
}

impl<T> Default for Backlog<T> {
    fn default() -> Self {
        Self { gate: Gate::Shut, video: VecDeque::new(), audio: VecDeque::new(), dropped: 0 }
    }
}

impl<T> Backlog<T> {
    /// The target has accepted the stream: let packets through from the next key frame on.
    pub fn open(&mut self) {
        self.clear();
        self.gate = Gate::WaitingForKey;
    }

    /// The connection is gone.
    pub fn shut(&mut self) {
        self.clear();
        self.gate = Gate::Shut;
    }

    /// Takes a packet in, or drops it. When a lane overflows, all that waits is dropped: by the time the target takes it, it is stale.
    pub fn push(&mut self, lane: Lane, key: bool, packet: T) {
        match (self.gate, lane) {
            (Gate::Shut, _) => return,
            (Gate::Stuck, _) => self.dropped += 1,
            (Gate::WaitingForKey, Lane::Video) if !key => self.dropped += 1,
            (_, Lane::Video) => {
                self.gate = Gate::Open;
                self.video.push_back(packet);
            }
            // The newest one only, so that the muxer knows both lanes when video begins, and the sound is not behind it.
            (Gate::WaitingForKey, Lane::Audio) => self.audio = VecDeque::from([packet]),
            (Gate::Open, Lane::Audio) => self.audio.push_back(packet),
        }
        if self.video.len() > MAX_VIDEO || self.audio.len() > MAX_AUDIO {
            self.dropped += (self.video.len() + self.audio.len()) as u64;
            self.clear();
            self.gate = Gate::Stuck;
        }
    }

    /// The next packet of a lane whose reader has room.
    pub fn take(&mut self, lane: Lane) -> Taken<T> {
        if self.gate == Gate::Stuck {
            self.gate = Gate::WaitingForKey;
            return Taken::Resumed;
        }
        if self.gate == Gate::WaitingForKey {
            return Taken::Nothing;
        }
        let queue = match lane {
            Lane::Video => &mut self.video,
            Lane::Audio => &mut self.audio,
        };
        queue.pop_front().map_or(Taken::Nothing, Taken::Packet)
    }

    /// Whether the target is taking nothing.
    pub fn is_stuck(&self) -> bool {
        self.gate == Gate::Stuck
    }

    /// Packets dropped since the output began, while connected.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn clear(&mut self) {
        self.video.clear();
        self.audio.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_begins_with_a_key_frame() {
        let mut backlog = Backlog::default();
        backlog.push(Lane::Video, true, 0);
        assert_eq!(backlog.take(Lane::Video), Taken::Nothing, "nothing waits for a target that is not connected");
        backlog.open();
        backlog.push(Lane::Video, false, 1);
        backlog.push(Lane::Audio, true, 1);
        backlog.push(Lane::Audio, true, 2);
        assert_eq!(backlog.take(Lane::Audio), Taken::Nothing, "sound does not run ahead");
        backlog.push(Lane::Video, true, 3);
        backlog.push(Lane::Video, false, 4);
        assert_eq!(backlog.take(Lane::Audio), Taken::Packet(2));
        assert_eq!(backlog.take(Lane::Video), Taken::Packet(3));
        assert_eq!(backlog.take(Lane::Video), Taken::Packet(4));
        assert_eq!(backlog.dropped(), 1);
    }

    #[test]
    fn a_stopped_target_costs_one_key_frame_when_it_takes_data_again_and_none_before() {
        let mut backlog = Backlog::default();
        backlog.open();
        for frame in 0..500 {
            backlog.push(Lane::Video, frame % 30 == 0, frame);
        }
        assert!(backlog.is_stuck());
        assert_eq!(backlog.take(Lane::Audio), Taken::Resumed);
        assert_eq!(backlog.take(Lane::Video), Taken::Nothing, "what waited is gone");
        backlog.push(Lane::Video, false, 501);
        backlog.push(Lane::Video, true, 502);
        assert_eq!(backlog.take(Lane::Video), Taken::Packet(502));
    }

    proptest! {
        #[test]
        fn video_is_whole_from_each_key_frame_on_and_bounded(steps in prop::collection::vec((any::<bool>(), any::<bool>(), 0u8..8), 1..400)) {
            let mut backlog = Backlog::default();
            backlog.open();
            let mut expected = None;
            for (number, (push, video, key)) in steps.into_iter().enumerate() {
                let (lane, key) = if video { (Lane::Video, key == 0) } else { (Lane::Audio, true) };
                if push {
                    backlog.push(lane, key, (number, key));
                } else if let Taken::Packet((taken, key)) = backlog.take(lane) && video {
                    // In order, and never a frame whose predecessors were dropped since the last key frame.
                    prop_assert!(key || expected.is_some_and(|last| last < taken));
                    expected = Some(taken);
                }
                prop_assert!(backlog.video.len() <= MAX_VIDEO && backlog.audio.len() <= MAX_AUDIO);
            }
        }
    }
}
