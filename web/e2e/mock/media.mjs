/**
 * The mock's media: offers are handed to a browser tab at `/mock/media`, which paints a picture, beeps, and answers
 * over WebRTC. So the players play real media without the program.
 */
const page = `<!doctype html><title>media</title><canvas width="640" height="360"></canvas><script type="module">
const canvas = document.querySelector("canvas"), g = canvas.getContext("2d");
const paint = () => {
  const t = performance.now() / 1000;
  const sky = g.createLinearGradient(0, 0, 640, 360);
  sky.addColorStop(0, "#0b2f7a"); sky.addColorStop(1, "#3f86ff");
  g.fillStyle = sky; g.fillRect(0, 0, 640, 360);
  g.strokeStyle = "#ffffffaa"; g.lineWidth = 4;
  for (let r = 0; r < 4; r++) { g.globalAlpha = 1 - ((t / 2 + r / 4) % 1); g.beginPath(); g.arc(320, 190, ((t / 2 + r / 4) % 1) * 260, 0, 7); g.stroke(); }
  g.globalAlpha = 1; g.fillStyle = "#fff"; g.font = "600 44px system-ui"; g.textAlign = "center";
  g.fillText(new Date().toISOString().slice(11, 22), 320, 205);
};
setInterval(paint, 33); paint();
const sound = new AudioContext(), beep = sound.createOscillator(), soft = sound.createGain(), out = sound.createMediaStreamDestination();
soft.gain.value = 0.1; beep.connect(soft).connect(out); beep.start();
const heard = out.stream, tracks = [canvas.captureStream(30).getVideoTracks()[0], out.stream.getAudioTracks()[0]];
const gathered = (pc) => pc.iceGatheringState === "complete" || new Promise((done) => { pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done(); setTimeout(done, 1000); });
// What an origin does: it offers, stereo and all, and takes the answer.
globalThis.ome = { serial: 0, lines: new Map() };
ome.offer = async (open) => {
  const pc = new RTCPeerConnection(), stream = new MediaStream(tracks), id = (ome.serial += 1);
  for (const track of tracks) pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  await pc.setLocalDescription();
  await gathered(pc);
  ome.lines.set(id, pc);
  const sdp = pc.localDescription.sdp.replace(/(a=fmtp:\\d+ minptime=10)/, "$1;sprop-stereo=1;stereo=1");
  // Without candidates, and with a password that nobody has, no way is ever found: so a firewall looks from inside.
  return { id, sdp: open ? sdp : sdp.replace(/a=candidate:.*\\r\\n/g, "").replace(/a=ice-pwd:.*/g, "a=ice-pwd:nobodyhasthispasswordatall") };
};
ome.answer = (id, sdp) => ome.lines.get(id)?.setRemoteDescription({ type: "answer", sdp });
ome.candidate = (id, candidate) => ome.lines.get(id)?.addIceCandidate(candidate).catch(() => undefined);
ome.end = (id) => { ome.lines.get(id)?.close(); ome.lines.delete(id); };
ome.freeze = () => { for (const pc of ome.lines.values()) for (const sender of pc.getSenders()) sender.replaceTrack(null); };
for (;;) {
  const { id, offer } = await (await fetch("/mock/offer")).json();
  const pc = new RTCPeerConnection();
  await pc.setRemoteDescription({ type: "offer", sdp: offer });
  for (const tr of pc.getTransceivers()) { tr.direction = "sendonly"; await tr.sender.replaceTrack(tracks[tr.receiver.track.kind === "video" ? 0 : 1]); }
  await pc.setLocalDescription();
  await gathered(pc);
  globalThis.connections = [...(globalThis.connections ?? []), pc];
  await fetch("/mock/answer/" + id, { method: "POST", body: pc.localDescription.sdp });
}
</script>`;

export class Media {
  offers = [];
  waiting = [];
  answers = new Map();
  sessions = new Set();
  serial = 0;

  /** Gives the answer's SDP and the session's name. */
  offer(sdp) {
    const id = String((this.serial += 1));
    const offer = { id, offer: sdp };
    const answer = new Promise((resolve) => this.answers.set(id, resolve));
    const taker = this.waiting.shift();
    if (taker) taker(offer);
    else this.offers.push(offer);
    this.sessions.add(id);
    return answer.then((text) => ({ id, sdp: text }));
  }

  /** The tab's own calls; true when this was one. */
  async handle(request, response, path, readBody) {
    if (path === "/mock/media") {
      response.writeHead(200, { "Content-Type": "text/html" }).end(page);
    } else if (path === "/mock/offer") {
      const offer = this.offers.shift() ?? (await new Promise((resolve) => this.waiting.push(resolve)));
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(offer));
    } else if (path.startsWith("/mock/answer/")) {
      this.answers.get(path.split("/").pop())?.(await readBody());
      response.writeHead(204).end();
    } else return false;
    return true;
  }
}
