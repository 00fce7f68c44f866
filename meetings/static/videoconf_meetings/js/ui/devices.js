// @ts-check
/** @import { Choice, LocalMedia } from "../media/local.js" */

/** @type {readonly {kind: "videoinput" | "audioinput", name: keyof Choice, label: string, track: "camera" | "microphone"}[]} */
const FIELDS = [
  { kind: "videoinput", name: "camera", label: "Camera", track: "camera" },
  { kind: "audioinput", name: "microphone", label: "Microphone", track: "microphone" },
];

/**
 * The choice among cameras and among microphones.
 * @param {LocalMedia} local
 * @param {HTMLElement} parent
 * @param {(choice: Partial<Choice>) => unknown} choose
 */
export function showDevices(local, parent, choose) {
  for (const { kind, name, label, track } of FIELDS) {
    const field = document.createElement("label");
    field.className = "field";
    const caption = document.createElement("span");
    caption.textContent = label;
    const select = document.createElement("select");
    select.addEventListener("change", () => choose({ [name]: select.value }));
    field.append(caption, select);
    parent.append(field);

    const fill = async () => {
      const devices = await local.devices(kind);
      const options = devices.map(
        (device, index) => new Option(device.label || `${label} ${index + 1}`, device.deviceId),
      );
      if (options.length === 0) options.push(new Option(`No ${label.toLowerCase()} available`, ""));
      select.disabled = devices.length === 0;
      select.replaceChildren(...options);
      select.value = local.tracks[track]?.getSettings().deviceId ?? local.choice[name] ?? "";
      if (select.selectedIndex < 0) select.selectedIndex = 0;
    };
    local.on("devices", fill);
    local.on("problem", fill);
  }
}
