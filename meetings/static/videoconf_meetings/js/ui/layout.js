// @ts-check

/**
 * The number of columns with which `count` pictures become largest.
 * @param {number} count
 * @param {number} width of the room for all of them, in pixels
 * @param {number} height
 * @param {number} gap
 * @returns {{columns: number, width: number, height: number}} size of one tile
 */
export function arrange(count, width, height, gap) {
  let best = { columns: 1, width: 0, height: 0, value: -1 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = { width: (width - gap * (columns - 1)) / columns, height: (height - gap * (rows - 1)) / rows };
    const tile = fit(cell);
    const value = tile.width * tile.height;
    if (value > best.value) best = { columns, ...tile, value };
  }
  return { columns: best.columns, width: Math.floor(best.width), height: Math.floor(best.height) };
}

/** Pictures may be cut to between 4:5 and 16:9. @param {{width: number, height: number}} cell */
function fit({ width, height }) {
  if (width / height > 16 / 9) return { width: (height * 16) / 9, height };
  if (width / height < 4 / 5) return { width, height: (width * 5) / 4 };
  return { width, height };
}
