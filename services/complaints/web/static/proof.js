// Does the work of ALTCHA (its own worker, from npm) while the page is read, and brings the solution to our address.
// Without scripts, or over plain http, where browsers have no crypto, all works too, only at the pace of the address.
const { worker, reload } = document.currentScript.dataset;
const THREADS = Math.min(4, Math.max(1, (navigator.hardwareConcurrency || 2) - 1));
const SECONDS = 60;

function solve(challenge) {
  const threads = [];
  const first = Array.from({ length: THREADS }, (_, start) => new Promise((resolve, reject) => {
    const thread = new Worker(worker);
    threads.push(thread);
    thread.onerror = reject;
    thread.onmessage = ({ data }) => (data && !data.error ? resolve(data) : reject(data));
    thread.postMessage({ type: "work", challenge, counterStart: start, counterStep: THREADS, timeout: SECONDS * 1000 });
  }));
  return Promise.race(first).finally(() => threads.forEach((thread) => thread.terminate()));
}

async function prove() {
  const challenge = await (await fetch("/proof")).json();
  const solution = await solve(challenge);
  const answer = await fetch("/proof", { method: "POST", body: btoa(JSON.stringify({ challenge, solution })) });
  if (answer.ok && reload) location.replace(location.href);
}

if (window.crypto && crypto.subtle) prove().catch(() => {});
