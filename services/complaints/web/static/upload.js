// Sends the chosen files in parts (tus 1.0.0): what has arrived stays, and a broken upload goes on where it was, also
// after the page was loaded anew. Without scripts the form sends them whole.
const PART = 2 * 1024 * 1024;
const TRIES = 8;
const form = document.querySelector("form[data-uploads]");

class Refused extends Error {}

async function ask(method, url, more, body) {
  const headers = { "Tus-Resumable": "1.0.0", "X-Form-Token": form.elements.form_token.value, ...more };
  const answer = await fetch(url, { method, headers, body });
  if (answer.ok) return answer;
  if (answer.status >= 500 || [409, 423, 429].includes(answer.status)) throw new Error("again");
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(problem.detail || "");
}

async function reached(url) {
  return Number((await ask("HEAD", url, {})).headers.get("Upload-Offset"));
}

async function begun(file, kept) {
  const known = sessionStorage.getItem(kept);
  if (known) {
    try {
      return [known, await reached(known)];
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  const name = btoa(String.fromCharCode(...new TextEncoder().encode(file.name)));
  const about = { "Upload-Length": String(file.size), "Upload-Metadata": `filename ${name}` };
  const url = (await ask("POST", form.dataset.uploads, about)).headers.get("Location");
  sessionStorage.setItem(kept, url);
  return [url, 0];
}

async function send(file, show) {
  const kept = `upload ${file.size} ${file.lastModified}`; // no name: nothing of the matter stays in the browser
  let [url, offset] = await begun(file, kept);
  let failures = 0;
  while (offset < file.size) {
    show(offset);
    const about = { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
    try {
      const answer = await ask("PATCH", url, about, file.slice(offset, offset + PART));
      offset = Number(answer.headers.get("Upload-Offset"));
      failures = 0;
    } catch (error) {
      failures += 1;
      if (error instanceof Refused || failures > TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(8000, 250 * 2 ** failures)));
      offset = await reached(url).catch(() => offset);
    }
  }
  sessionStorage.removeItem(kept);
}

form.addEventListener("submit", async (event) => {
  const input = form.elements.files;
  const files = [...input.files];
  if (!files.length || files.length > Number(form.dataset.most)) return;
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  const bar = form.querySelector("progress");
  const told = form.querySelector("[data-told]");
  const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
  let before = 0;
  button.disabled = true;
  bar.hidden = false;
  told.textContent = "";
  try {
    for (const file of files) {
      await send(file, (offset) => { bar.value = (before + offset) / total; });
      before += file.size;
    }
    bar.value = 1;
    input.value = ""; // they are there: the rest of the form goes without them
    if (form.elements.text.value.trim()) form.submit();
    else location.assign(form.dataset.done);
  } catch (error) {
    told.textContent = (error instanceof Refused && error.message) || form.dataset.failed;
    button.disabled = false;
  }
});
