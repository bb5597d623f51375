// Watches a peer connection and reports twice a second what it sees: the ages of the pictures by their strips, and how loud the sound is.
const CELLS = 28, BITS = 24, MODULUS = 1 << BITS;
const seen = {frames: 0, unreadable: 0, ages: [], peak: 0, loud: 0, first_ms: null, error: null, stats: {}, channels: null, flashes: [], beeps: []};
// `step` is from one pixel to the next: 4 where they are RGBA, 1 where they are brightness alone.
function stripTime(pixels, width, step = 4) {
  let value = 0, bit = 0, ones = 0;
  const cell = (index) => pixels[Math.floor((2 * index + 1) * width / (2 * CELLS)) * step] > 125;
  if (!cell(0) || cell(1) || !cell(CELLS - 1)) return null;
  for (let index = 2; index < 3 + BITS; index++) ones += cell(index);
  if (ones % 2) return null;
  for (let index = 2; index < 2 + BITS; index++) { bit ^= cell(index); value = value * 2 + bit; }
  return value;
}
function report() {
  return fetch('/report', {method: 'POST', body: JSON.stringify(seen)});
}
function failed(error) {
  seen.error = String(error);
  return report();
}
// Takes what comes by `peer`, from before it is negotiated.
function watch(peer) {
  const begun = performance.now(), video = document.getElementById('video'), canvas = document.getElementById('canvas');
  const stream = new MediaStream();
  peer.ontrack = (event) => {
    stream.addTrack(event.track);
    video.srcObject = stream;
    if (event.track.kind === 'audio') listen(event.track);
  };
  const context = canvas.getContext('2d', {willReadFrequently: true});
  let flashed = false;
  const frame = () => {
    const now = Date.now(), width = video.videoWidth, middle = Math.floor((Math.max(8, Math.floor(video.videoHeight / 24)) & ~1) / 2);
    canvas.width = width; canvas.height = 2;
    context.drawImage(video, 0, middle, width, 1, 0, 0, width, 1);
    context.drawImage(video, 0, video.videoHeight - 8, width, 1, 0, 1, width, 1);
    const pixels = context.getImageData(0, 0, width, 2).data;
    const shown = stripTime(pixels, width);
    if (seen.first_ms === null) seen.first_ms = performance.now() - begun;
    seen.frames++;
    if (shown === null) seen.unreadable++; else seen.ages.push((now + MODULUS - shown) % MODULUS);
    const flash = pixels[width * 4 + 32] > 200;
    if (flash && !flashed) seen.flashes.push(now);
    flashed = flash;
    video.requestVideoFrameCallback(frame);
  };
  video.requestVideoFrameCallback(frame);
  setInterval(async () => {
    for (const report of (await peer.getStats()).values())
      if (report.type === 'inbound-rtp') seen.stats[report.kind] = {lost: report.packetsLost, decoded: report.framesDecoded, dropped: report.framesDropped,
        concealed: report.concealedSamples, samples: report.totalSamplesReceived, energy: report.totalAudioEnergy,
        buffer_ms: 1000 * report.jitterBufferDelay / report.jitterBufferEmittedCount, keys: report.keyFramesDecoded, size: report.frameWidth};
    await report();
  }, 500);
}
function listen(track) {
  const context = new AudioContext(), source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(512);
  let quiet = 0;
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    seen.peak = Math.max(seen.peak, peak);
    seen.channels = source.channelCount;
    const now = Date.now();
    if (peak > 0.2) { if (now - quiet > 300) seen.beeps.push(now); quiet = now; }
  }, 5);
}
