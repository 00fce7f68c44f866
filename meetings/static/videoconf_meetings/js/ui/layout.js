// @ts-check

const WIDE = 16 / 9;

/**
 * The number of columns with which `count` pictures become largest.
 * @param {number} count
 * @param {number} width of the room for all of them, in pixels
 * @param {number} height
 * @param {number} gap
 * @returns {{columns: number, width: number, height: number}} size of one tile
 */
export function arrange(count, width, height, gap) {
  const narrowest = width > height ? 4 / 3 : 4 / 5;
  let best = { columns: 1, width: 0, height: 0, value: -1 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = { width: (width - gap * (columns - 1)) / columns, height: (height - gap * (rows - 1)) / rows };
    const tile = fit(cell, narrowest);
    // What is cut off a picture counts against it.
    const value = tile.width * tile.height * Math.sqrt(Math.min(1, tile.width / tile.height / WIDE));
    if (value > best.value) best = { columns, ...tile, value };
  }
  return { columns: best.columns, width: Math.floor(best.width), height: Math.floor(best.height) };
}

/** Pictures may be cut, but not to less than the narrowest form. @param {{width: number, height: number}} cell @param {number} narrowest */
function fit({ width, height }, narrowest) {
  if (width / height > WIDE) return { width: height * WIDE, height };
  if (width / height < narrowest) return { width, height: width / narrowest };
  return { width, height };
}
