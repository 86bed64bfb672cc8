// Many official Socket.IO clients in one process: commands come as JSON lines on stdin, and each thing that happens
// to a client is written as a JSON line to stdout, in the order in which it happened.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();

const commands = {
  connect({ client, url, options }) {
    const tell = teller(client);
    // Without `forceNew`, clients of the same URL would share one connection.
    const socket = io(url, { ...options, forceNew: true });
    sockets.set(client, socket);
    const transport = () => socket.io.engine.transport.name;
    // Each reconnection has an engine of its own.
    socket.io.on("open", () => socket.io.engine.on("upgrade", () => tell("upgraded", { transport: transport() })));
    socket.on("connect", () => tell("connected", { transport: transport() }));
    socket.on("connect_error", (error) => tell("connect_error", { message: error.message, data: error.data }));
    socket.on("disconnect", (reason) => tell("disconnected", { reason }));
    socket.onAny((event, ...args) => tell("event", { event, args }));
  },

  emit({ client, event, args }) {
    sockets.get(client).emit(event, ...args);
  },

  call({ client, call, event, args, timeout }) {
    const tell = teller(client);
    sockets.get(client).timeout(timeout).emit(event, ...args, (error, ...answer) => {
      tell("ack", { call, args: answer, error: error?.message });
    });
  },

  disconnect({ client }) {
    sockets.get(client).disconnect();
  },

  // The connection ends, and the server does not learn that the client leaves.
  close({ client }) {
    sockets.get(client).io.engine.close();
  },
};

function teller(client) {
  return (type, what) => process.stdout.write(`${JSON.stringify({ client, type, ...what })}\n`);
}

// JSON has no bytes: they come as {"$bytes": <base64>}.
function withBytes(_key, value) {
  return typeof value?.$bytes === "string" ? Buffer.from(value.$bytes, "base64") : value;
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line, withBytes);
  commands[command.do](command);
});
// Nothing is left to wait for after this, and the process ends.
lines.on("close", () => sockets.forEach((socket) => socket.disconnect()));
