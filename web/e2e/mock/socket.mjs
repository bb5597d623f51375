/** A WebSocket server in a few lines (RFC 6455), as far as the mock needs one: text, ping, close. */
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Answers an upgrade; gives the open line, on which `onText` and `onClose` may be set. */
export function accept(request, socket, headers = {}) {
  const key = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${GUID}`).digest("base64");
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${key}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const line = {
    onText: () => undefined,
    onClose: () => undefined,
    send: (value) => socket.writable && socket.write(frame(1, Buffer.from(JSON.stringify(value)))),
    close: (code = 1000) => {
      const body = Buffer.alloc(2);
      body.writeUInt16BE(code);
      if (socket.writable) socket.end(frame(8, body));
      // The mock is done with it, whatever the other end still says.
      setTimeout(() => socket.destroy(), 50);
    },
    /** Without a word, as a cable that is pulled. */
    cut: () => socket.destroy(),
  };
  let rest = Buffer.alloc(0);
  socket.on("data", (data) => {
    rest = Buffer.concat([rest, data]);
    for (let read = parse(rest); read; read = parse(rest)) {
      rest = rest.subarray(read.length);
      if (read.opcode === 1) line.onText(read.body.toString());
      else if (read.opcode === 9) socket.write(frame(10, read.body));
      else if (read.opcode === 8) socket.end(frame(8, read.body.subarray(0, 2)));
    }
  });
  socket.on("error", () => undefined);
  socket.on("close", () => line.onClose());
  return line;
}

export function refuse(socket, status, body) {
  const text = JSON.stringify(body);
  socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`);
}

function frame(opcode, body) {
  const long = body.length > 65_535;
  const head = Buffer.alloc(body.length < 126 ? 2 : long ? 10 : 4);
  head[0] = 0x80 | opcode;
  if (body.length < 126) head[1] = body.length;
  else if (long) {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(body.length), 2);
  } else {
    head[1] = 126;
    head.writeUInt16BE(body.length, 2);
  }
  return Buffer.concat([head, body]);
}

/** The first frame of what has come in, if all of it is there. */
function parse(data) {
  if (data.length < 2) return null;
  const short = data[1] & 127;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (data.length < at + 4) return null;
  const size = short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
  if (data.length < at + 4 + size) return null;
  const mask = data.subarray(at, at + 4);
  const body = Buffer.from(data.subarray(at + 4, at + 4 + size)).map((byte, index) => byte ^ mask[index % 4]);
  return { opcode: data[0] & 15, body, length: at + 4 + size };
}
