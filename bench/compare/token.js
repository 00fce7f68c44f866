// Prints a bearer token that both services accept, with every permission they ask for. JWT_SECRET, JWT_ISSUER: env.sh.
import { createHmac } from "node:crypto";

const PERMISSIONS = [
  "CreateMeetingSession",
  "GenerateMeetingToken",
  "StartMeetingArchive",
  "StopMeetingArchive",
  "GetMeetingArchives",
  "DeleteMeetingArchive",
  "StopMeeting",
  "SetMeetingUploadTarget",
  "GetMeetingAttendees",
  "EditMeeting",
];
const encoded = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");

const now = Math.floor(Date.now() / 1000);
const claims = {
  id: "1",
  userTenantId: "ut-1",
  username: "bench",
  permissions: PERMISSIONS,
  iat: now,
  exp: now + 86400,
  iss: process.env.JWT_ISSUER,
};
const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
console.log(`${signed}.${createHmac("sha256", process.env.JWT_SECRET).update(signed).digest("base64url")}`);
