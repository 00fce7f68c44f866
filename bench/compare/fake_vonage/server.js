// Stands in for Vonage's REST API on loopback: what the load and the seed call, answered at once, nothing on disk.
import http from "node:http";
import { randomBytes, randomUUID } from "node:crypto";

const KEY = process.env.VONAGE_API_KEY;
const started = new Map(); // archive id to session id

function sessionId() {
  const raw = `~${KEY}~~${Date.now()}~${randomBytes(12).toString("base64")}~~`;
  return "2_" + Buffer.from(raw).toString("base64url");
}

function archive(id, status) {
  return {
    id,
    status,
    name: `rec ${id}`,
    reason: "",
    sessionId: started.get(id) || "2_fake",
    projectId: Number(KEY),
    createdAt: 1700000000000,
    size: 1024,
    duration: 10,
    outputMode: "composed",
    streamMode: "auto",
    hasAudio: true,
    hasVideo: true,
    resolution: "640x480",
    url: null,
  };
}

function newSession() {
  const created = { session_id: sessionId(), project_id: KEY, partner_id: KEY, create_dt: new Date().toISOString() };
  return [{ ...created, media_server_url: "" }];
}

function newArchive(body) {
  const id = randomUUID();
  started.set(id, JSON.parse(body).sessionId);
  return archive(id, "started");
}

const CALLS = [
  ["POST", /^\/session\/create$/, newSession],
  ["POST", /^\/v2\/project\/[^/]+\/archive$/, newArchive],
  ["POST", /^\/v2\/project\/[^/]+\/archive\/([^/]+)\/stop$/, (body, id) => archive(id, "stopped")],
  ["GET", /^\/v2\/project\/[^/]+\/archive\/([^/]+)$/, (body, id) => archive(id, "available")],
];

function answer(method, path, authorised, body) {
  if (!authorised) return [403, { code: -1, message: "No auth" }];
  for (const [itsMethod, pattern, call] of CALLS) {
    const match = method === itsMethod && path.match(pattern);
    if (match) return [200, call(body, match[1])];
  }
  return [404, { code: 404, message: `Not found: ${path}` }];
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const path = request.url.split("?")[0];
    const authorised = "x-opentok-auth" in request.headers;
    const [status, found] = answer(request.method, path, authorised, Buffer.concat(chunks).toString());
    const text = JSON.stringify(found);
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
});
server.keepAliveTimeout = 30_000;
server.listen(Number(process.env.FAKE_PORT), "127.0.0.1", () => console.log(`stand-in on ${process.env.FAKE_PORT}`));
