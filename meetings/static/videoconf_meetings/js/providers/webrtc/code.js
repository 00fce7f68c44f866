// @ts-check

/**
 * The one fingerprint of a description; none if it names several, since only one of them is that of the connection.
 * @param {RTCSessionDescription | null} description
 */
function fingerprint(description) {
  const lines = (description?.sdp ?? "").matchAll(/^a=fingerprint:\S+ (\S+)/gim);
  const prints = new Set([...lines].map((line) => line[1]?.toUpperCase()));
  return prints.size === 1 ? [...prints][0] : undefined;
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
