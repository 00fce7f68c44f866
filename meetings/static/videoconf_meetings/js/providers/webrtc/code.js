// @ts-check

/** @param {RTCSessionDescription | null} description */
function fingerprint(description) {
  return /^a=fingerprint:\S+ (\S+)/m.exec(description?.sdp ?? "")?.[1]?.toUpperCase();
}

/**
 * The eight hex digits that both ends of a pair can compare (docs/signaling.md, "Encryption code").
 * @param {RTCPeerConnection} connection
 * @returns {Promise<string | null>} `null` until both descriptions are known
 */
export async function encryptionCode(connection) {
  const prints = [fingerprint(connection.localDescription), fingerprint(connection.remoteDescription)];
  if (!prints[0] || !prints[1] || !crypto.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(prints.sort().join("\n")));
  return [...new Uint8Array(digest, 0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
