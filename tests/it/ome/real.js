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
const canvas = document.createElement('canvas'), context = canvas.getContext('2d', {willReadFrequently: true});
let flashed = false;
function read(video) {
  const now = Date.now(), width = video.videoWidth, middle = Math.floor((Math.max(8, Math.floor(video.videoHeight / 24)) & ~1) / 2);
  if (canvas.width !== width || canvas.height !== 2) Object.assign(canvas, {width, height: 2});
  context.drawImage(video, 0, middle, width, 1, 0, 0, width, 1);
  context.drawImage(video, 0, video.videoHeight - 8, width, 1, 0, 1, width, 1);
  const pixels = context.getImageData(0, 0, width, 2).data, shown = stripTime(pixels, width);
  seen.frames++;
  if (shown === null) seen.unreadable++;
  else if (seen.at.length < MOST) { seen.at.push(now); seen.ages.push((now + MODULUS - shown) % MODULUS); }
  const flash = pixels[width * 4 + 32] > 200;
  if (flash && !flashed) seen.flashes.push(now);
  flashed = flash;
}
let held = null;
setInterval(() => {
  const video = document.querySelector('video');
  if (!video || video === held) return;
  held = video;
  const next = () => { read(video); if (held === video) video.requestVideoFrameCallback(next); };
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
