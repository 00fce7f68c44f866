// @ts-check
// The same rule as meetings/providers/opentok/names.py: connection data is a name, or JSON of a name and who it is.

const MARK = "videoconf";

/** The name in connection data. @param {string} data */
export function nameOf(data) {
  return packed(data)?.name ?? data;
}

/** @param {string} data @returns {{name: string} | null} */
function packed(data) {
  if (!data.startsWith("{")) return null;
  try {
    const said = JSON.parse(data);
    const isOurs = Object.keys(said).sort().join() === `name,${MARK}`;
    return isOurs && typeof said.name === "string" && typeof said[MARK] === "string" ? said : null;
  } catch {
    return null;
  }
}
