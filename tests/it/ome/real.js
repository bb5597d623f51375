// Reads the clock strip in the pictures of a room's own player, and its sound, across all the connections that it makes.
// Runs before the page's scripts; `seen`, `stripTime`, `listen` and `report` are those of watch.js.
seen.at = [];
const MOST = 20000, peers = [];
const Native = globalThis.RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Native {
  constructor(...options) {
    super(...options);
    peers.push(this);
    this.addEventListener('track', ({track}) => { if (track.kind === 'audio') listen(track); });
  }
};
let flashed = false;
// Two rows of brightness, as they are in the decoder's picture: nothing is converted or drawn for the reading.
async function brightness(frame, y) {
  const rect = {x: 0, y, width: frame.visibleRect.width & ~1, height: 2}, bytes = new Uint8Array(frame.allocationSize({rect}));
  const [{offset}] = await frame.copyTo(bytes, {rect});
  return bytes.subarray(offset, offset + rect.width);
}
async function read(video) {
  const now = Date.now(), frame = new VideoFrame(video), {width, height} = frame.visibleRect;
  const middle = Math.floor((Math.max(8, Math.floor(height / 24)) & ~1) / 2) & ~1;
  let shown, below;
  try {
    shown = stripTime(await brightness(frame, middle), width, 1);
    below = await brightness(frame, (height - 8) & ~1);
  } finally {
    frame.close();
  }
  seen.frames++;
  if (shown === null) seen.unreadable++;
  else if (seen.at.length < MOST) { seen.at.push(now); seen.ages.push((now + MODULUS - shown) % MODULUS); }
  const flash = below[32] > 200;
  if (flash && !flashed) seen.flashes.push(now);
  flashed = flash;
}
let held = null;
setInterval(() => {
  const video = document.querySelector('video');
  if (!video || video === held) return;
  held = video;
  const next = () => { read(video).catch(failed); if (held === video) video.requestVideoFrameCallback(next); };
  video.requestVideoFrameCallback(next);
}, 20);
// By what the media comes: a relay is reached by TCP or UDP, whatever lies behind it.
function over(stats) {
  const all = [...stats.values()], by = (id) => all.find((one) => one.id === id);
  const local = by(by(all.find((one) => one.type === 'transport')?.selectedCandidatePairId)?.localCandidateId);
  return local ? local.relayProtocol ?? local.protocol : null;
}
setInterval(async () => {
  const peer = peers.findLast((one) => one.connectionState === 'connected');
  if (peer) {
    const stats = await peer.getStats();
    seen.over = over(stats);
    for (const one of stats.values()) {
      if (one.type !== 'inbound-rtp') continue;
      seen.stats[one.kind] = {lost: one.packetsLost, decoded: one.framesDecoded, dropped: one.framesDropped,
        concealed: one.concealedSamples, samples: one.totalSamplesReceived, delay_s: one.jitterBufferDelay, emitted: one.jitterBufferEmittedCount,
        decode_s: one.totalDecodeTime, processing_s: one.totalProcessingDelay, size: one.frameWidth};
    }
  }
  await report();
}, 500);
