// The editor of words: saves by hand, shows how it looks a quarter of a second after the last key. It renders nothing
// itself: what is in the frame came from the renderer that sends.
(() => {
  "use strict";

  const PAUSE = 250;

  document.addEventListener("DOMContentLoaded", () => {
    const root = document.querySelector("[data-editor]");
    if (!root) return;
    const desk = JSON.parse(document.getElementById("wd-desk").textContent);
    const one = (what) => root.querySelector(what);
    const all = (what) => [...root.querySelectorAll(what)];
    const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
    const fields = all("[name=subject],[name=preheader],[name=html],[name=mjml],[name=text],[name=action]");
    let revision = desk.revision;
    let changed = false;
    let part = desk.words.mjml ? "mjml" : "html";
    let seen = "desktop";
    let asked = 0;
    let timer = 0;
    let last = {};
    let pen = null;

    // -- words -------------------------------------------------------------------------------------------------------

    for (const field of fields) {
      field.value = desk.words[field.name] || "";
      if (desk.rtl && field.name !== "html" && field.name !== "mjml") field.dir = "auto";
      field.addEventListener("focus", () => { pen = field; });
      field.addEventListener("input", touched);
    }
    one("[name=note]").addEventListener("input", () => say("Not saved yet.", "", true));

    const words = () => {
      const found = { ...desk.words };
      for (const field of fields) found[field.name] = field.value;
      return found;
    };

    function say(text, tone = "", unsaved = changed) {
      changed = unsaved;
      const state = one("[data-state]");
      state.textContent = text;
      state.dataset.tone = tone;
    }

    function touched() {
      say("Not saved yet.", "", true);
      later();
    }

    // -- variables ---------------------------------------------------------------------------------------------------

    const rows = one("[data-variables]");

    const make = (tag, given = {}, ...inside) => {
      const made = document.createElement(tag);
      for (const [name, value] of Object.entries(given)) {
        if (name in made && name !== "list") made[name] = value;
        else made.setAttribute(name, value);
      }
      made.append(...inside);
      return made;
    };

    const written = (kind, sample) => {
      if (kind === "groups") return JSON.stringify(sample, null, 1);
      return kind === "lines" && Array.isArray(sample) ? sample.join(" | ") : String(sample ?? "");
    };

    // What is no JSON yet is sent as it is: the desk says what it should be.
    const parsed = (text) => {
      try {
        return JSON.parse(text);
      } catch {
        return text;
      }
    };

    const sampleOf = (kind, text) => {
      if (kind === "flag") return text.trim().toLowerCase() === "true" || text.trim() === "yes";
      if (kind === "count") return /^\d+$/.test(text.trim()) ? Number(text) : text;
      if (kind === "groups") return parsed(text);
      if (kind === "lines") return text.split("|").map((line) => line.trim()).filter(Boolean);
      return text;
    };

    function addRow(variable) {
      const label = variable.name || "the new variable";
      const name = make("input", { type: "text", value: variable.name, "aria-label": "Name" });
      const kind = make("select", { "aria-label": `Kind of ${label}` },
        ...Object.keys(desk.kinds).map((each) => make("option", { value: each, selected: each === variable.kind }, each)));
      const long = ["text", "groups"].includes(variable.kind);
      const sample = make(long ? "textarea" : "input", { "aria-label": `Sample of ${label}` });
      if (long) sample.rows = 2; else sample.type = "text";
      sample.value = written(variable.kind, variable.sample);
      const must = make("input", { type: "checkbox", checked: variable.required !== false, "aria-label": `${label} must be sent` });
      const gone = make("button", { type: "button", className: "bh-link", "aria-label": `Remove ${label}` }, "Remove");
      kind.title = desk.kinds[variable.kind] || "";
      const row = make("tr", {}, make("td", {}, name), make("td", {}, kind), make("td", {}, sample), make("td", {}, must), make("td", {}, gone));
      row.read = () => ({
        name: name.value.trim(), kind: kind.value, sample: sampleOf(kind.value, sample.value),
        required: must.checked, sent: variable.sent !== false,
      });
      if (variable.sent === false) {
        for (const each of [name, kind, must, gone]) each.disabled = true;
        gone.textContent = "Added by us";
      }
      kind.addEventListener("change", () => { kind.title = desk.kinds[kind.value]; });
      gone.addEventListener("click", () => { row.remove(); palette(); touched(); });
      row.addEventListener("input", () => { palette(); touched(); });
      rows.append(row);
      return name;
    }

    const variables = () => [...rows.children].map((row) => row.read());
    desk.variables.forEach(addRow);
    one("[data-add]").addEventListener("click", () => {
      addRow({ name: "", kind: "line", sample: "" }).focus();
    });

    // -- palette -----------------------------------------------------------------------------------------------------

    const snippet = (variable) => {
      if (variable.kind === "amount") return `{{ ${variable.name} | money: currency }}`;
      if (variable.kind === "flag") return `{% if ${variable.name} %}…{% endif %}`;
      if (variable.kind === "lines") return `{% for line in ${variable.name} %}{{ line }}{% endfor %}`;
      if (variable.kind === "groups") {
        return `{% for group in ${variable.name} %}{{ group.title }}{% for entry in group.entries %}{{ entry.title }}{% endfor %}{% endfor %}`;
      }
      return `{{ ${variable.name} }}`;
    };

    function put(text) {
      const target = pen || one(`[data-panel="${part}"] textarea`) || one("[name=text]");
      const start = target.selectionStart ?? target.value.length;
      target.setRangeText(text, start, target.selectionEnd ?? start, "end");
      target.focus();
      touched();
    }

    const chip = (label, text, title, className = "wd-chip") => {
      const made = make("button", { type: "button", className, title }, label);
      made.addEventListener("mousedown", (event) => event.preventDefault());
      made.addEventListener("click", () => put(text));
      return made;
    };

    function palette() {
      const declared = variables().filter((each) => each.name);
      one("[data-count]").textContent = declared.length;
      const chips = declared.map((each) => chip(each.name, snippet(each), desk.kinds[each.kind]));
      chips.push(chip("recipient_name", "{{ recipient_name }}", "Who gets it; may be empty"));
      if (desk.channel === "email") {
        // The frame has its header and footer already; a mail in MJML brings its own.
        for (const block of desk.blocks.filter((each) => part === "mjml" || !["header", "footer"].includes(each.name))) {
          const given = block.takes.map((name) => `${name}: ""`).join(", ");
          chips.push(chip(`block ${block.name}`, `{% block "${block.name}"${given ? `, ${given}` : ""} %}`, "A block of the frame", "wd-chip wd-chip-block"));
        }
      }
      one("[data-palette]").replaceChildren(...chips);
    }

    // -- how it looks ------------------------------------------------------------------------------------------------

    const send = (where, body) => fetch(where, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      body: JSON.stringify(body),
    });

    function later() {
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    }

    async function look() {
      const mine = ++asked;
      let answer;
      try {
        const response = await send(desk.look, { words: words(), variables: variables(), sample: one("[data-sample]").value });
        if (!response.ok) throw new Error(String(response.status));
        answer = await response.json();
      } catch {
        if (mine === asked) findings([{ level: "error", field: "", message: "The preview cannot be fetched just now; what you wrote is still here." }]);
        return;
      }
      // An answer that comes late says how it looked before.
      if (mine !== asked) return;
      findings(answer.findings);
      const stage = one(".wd-stage") || one("[data-short]");
      const able = desk.channel === "email" ? Boolean(answer.html) : "body" in answer;
      stage.classList.toggle("wd-stale", !able);
      if (!able) return;
      last = answer;
      show();
    }

    // The mail's own dark colours apply when its reader's program is dark; here, when "Dark" is chosen.
    const themed = (html) => html.replace(/@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)/g, seen === "dark" ? "@media all" : "@media not all");

    function show() {
      if (desk.channel !== "email") {
        one("[data-title]").textContent = last.title || "";
        one("[data-body]").textContent = last.body || "";
        one("[data-action]").textContent = last.action_url || "";
        return;
      }
      one("[data-subject]").textContent = last.subject || "";
      const frame = one("[data-frame]");
      const text = one("[data-text]");
      frame.hidden = seen === "text";
      text.hidden = seen !== "text";
      text.textContent = last.text || "";
      if (desk.rtl) text.dir = "auto";
      one(".wd-stage").dataset.look = seen;
      const html = themed(last.html || "");
      if (frame.srcdoc !== html) frame.srcdoc = html;
    }

    function findings(found) {
      for (const field of fields) field.removeAttribute("aria-invalid");
      const items = (found || []).map((each) => {
        const field = fields.find((one) => one.name === each.field);
        if (field && each.level === "error") field.setAttribute("aria-invalid", "true");
        const level = { error: "Error", warning: "Look", note: "Note" }[each.level];
        return make("li", { className: `wd-${each.level}` }, make("b", {}, `${level}${each.field ? ` · ${each.field}` : ""}: `), each.message);
      });
      one("[data-findings]").replaceChildren(items.length ? make("ul", { className: "wd-findings" }, ...items) : "");
    }

    // -- parts and looks ---------------------------------------------------------------------------------------------

    function choose(next) {
      part = next;
      for (const tab of all("[data-part]")) {
        const on = tab.dataset.part === next;
        tab.setAttribute("aria-selected", String(on));
        tab.tabIndex = on ? 0 : -1;
      }
      for (const panel of all("[data-panel]")) panel.hidden = panel.dataset.panel !== next;
      pen = one(`[data-panel="${next}"] textarea`);
      palette();
      const compiled = Boolean(one("[name=mjml]") && one("[name=mjml]").value.trim());
      if (one("[name=html]")) one("[name=html]").readOnly = compiled;
      if (one("[data-compiled]")) one("[data-compiled]").hidden = !compiled;
    }

    const arrows = (items, act) => items.forEach((item, place) => item.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = items[(place + step + items.length) % items.length];
      next.focus();
      act(next);
    }));
    const tabs = all("[data-part]");
    tabs.forEach((tab) => tab.addEventListener("click", () => choose(tab.dataset.part)));
    arrows(tabs, (tab) => choose(tab.dataset.part));

    const eyes = all("[data-look]").filter((each) => each.tagName === "BUTTON");
    const see = (eye) => {
      seen = eye.dataset.look;
      for (const each of eyes) {
        each.setAttribute("aria-checked", String(each === eye));
        each.tabIndex = each === eye ? 0 : -1;
      }
      show();
    };
    eyes.forEach((eye) => eye.addEventListener("click", () => see(eye)));
    arrows(eyes, see);
    one("[data-sample]").addEventListener("change", look);
    if (one("[data-derive]")) one("[data-derive]").addEventListener("click", () => {
      one("[name=text]").value = last.derived || "";
      touched();
    });

    // -- saving ------------------------------------------------------------------------------------------------------

    async function save() {
      say("Saving …");
      let response;
      try {
        response = await send(desk.keep, { words: words(), variables: variables(), revision, note: one("[name=note]").value });
      } catch {
        say("Not saved: the desk cannot be reached. What you wrote is still here.", "bad", true);
        return false;
      }
      const answer = response.headers.get("content-type")?.includes("json") ? await response.json() : {};
      if (response.ok) {
        revision = answer.revision;
        say(`Saved at ${new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}.`, "good", false);
        return true;
      }
      if (answer.findings) {
        findings(answer.findings);
        say("Not saved: see what is wrong below the preview.", "bad", true);
      } else {
        say(`Not saved: ${answer.refused || `the desk answered ${response.status}`}.`, "bad", true);
      }
      return false;
    }

    one("[data-save]").addEventListener("click", save);
    one("[data-done]").addEventListener("click", async (event) => {
      const there = event.currentTarget.dataset.done;
      if (!changed || (await save())) window.location.assign(there);
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        save();
      }
    });
    window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });

    palette();
    if (tabs.length) choose(part);
    look();
  });
})();
