// @ts-check

/** 128 random bits in hex. (`crypto.randomUUID` exists only at secure addresses.) */
export function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
