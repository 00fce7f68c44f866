// @ts-check
// Copies the value of the field that `data-copy` names. Without the clipboard (no https) the field is selected instead.

for (const button of document.querySelectorAll("button[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.getAttribute("data-copy") ?? "");
    const status = button.parentElement?.querySelector("[role=status]");
    if (!(field instanceof HTMLInputElement) || !status) return;
    try {
      await navigator.clipboard.writeText(field.value);
      status.textContent = "Copied.";
    } catch {
      field.select();
      status.textContent = "It is selected; copy it with the keyboard.";
    }
  });
}
