/**
 * Asks for stereo. Browsers decode Opus to mono unless the format line says otherwise, on both sides.
 */
export function withStereo(sdp: string): string {
  const lines = sdp.split("\r\n");
  const types = lines.flatMap((line) => /^a=rtpmap:(\d+) opus\/48000/i.exec(line)?.[1] ?? []);
  return lines
    .map((line) => {
      const type = /^a=fmtp:(\d+) /.exec(line)?.[1];
      if (!type || !types.includes(type) || /[ ;]stereo=1/.test(line)) return line;
      return `${line};stereo=1`;
    })
    .join("\r\n");
}
