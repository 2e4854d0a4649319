// What HTMX does not do: one event stream for all pages of a browser, and answers that are shown though they refuse.
"use strict";

(() => {
  const page = document.getElementById("workbench");
  if (!page) return;

  // A refusal is shown where the form stands, with what was typed. Anything else that fails is said at the top.
  const SHOWN = [401, 403, 409, 422, 503];
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const isPart = !/^\s*<!doctype/i.test(detail.xhr.responseText);
    if (SHOWN.includes(detail.xhr.status) && isPart) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
  });
  const failed = () => {
    const alert = document.createElement("div");
    alert.className = "alert alert-danger";
    alert.textContent = page.dataset.failed;
    document.getElementById("alerts").replaceChildren(alert);
    alert.scrollIntoView();
  };
  document.body.addEventListener("htmx:responseError", failed);
  document.body.addEventListener("htmx:sendError", failed);

  // A browser opens few connections to one host: of all pages of an account one listens, and tells the others.
  const channel = new BroadcastChannel(`huiyin-${page.dataset.account}`);
  const told = (what) => {
    if (what === "work") document.body.dispatchEvent(new CustomEvent("work"));
    if (what === "over") {
      document.getElementById("alerts").replaceChildren(document.getElementById("session-over").content.cloneNode(true));
    }
  };
  channel.onmessage = ({ data }) => told(data);
  const tell = (what) => {
    told(what);
    channel.postMessage(what);
  };

  const listen = () =>
    new Promise((over) => {
      let wait = 1000;
      const connect = () => {
        const source = new EventSource(page.dataset.events);
        source.onopen = () => (wait = 1000);
        source.addEventListener("work", () => tell("work"));
        source.addEventListener("over", () => {
          source.close();
          tell("over");
          over();
        });
        source.onerror = () => {
          if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
          setTimeout(connect, wait);
          wait = Math.min(wait * 2, 30000);
        };
      };
      connect();
    });
  // Without locks (no https and not this machine) every page listens for itself.
  if (navigator.locks) navigator.locks.request(`huiyin-${page.dataset.account}`, listen);
  else listen();
})();
