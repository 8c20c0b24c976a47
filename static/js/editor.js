// The YAML editor: CodeMirror with the parts that the page uses, behind a small interface for Rust.
// And the graphs: uPlot.

import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  HighlightStyle, bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import {
  EditorView, drawSelection, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import uPlot from "uplot";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ready)" },
  { tag: tags.comment, color: "var(--ink2)", fontStyle: "italic" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--term)" },
  { tag: tags.meta, color: "var(--warn)" },
]);

const theme = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--sheet)", color: "var(--ink)" },
  ".cm-scroller": { fontFamily: "var(--mono)", fontSize: "12.5px", lineHeight: "1.5" },
  ".cm-gutters": { backgroundColor: "var(--sheet)", color: "var(--wait)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--soft)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": {
    backgroundColor: "var(--accent-soft) !important",
  },
  ".cm-tooltip": { backgroundColor: "var(--sheet)", borderColor: "var(--line)", color: "var(--ink)" },
});

/// An editor in an element. `changed` gets the text after each change by the person; `complete`
/// gets (text, line, column) and returns a JSON list of {label, detail}.
export function create(parent, text, label, changed, complete) {
  let silent = false;
  const source = (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const word = context.matchBefore(/[\w.-]*/);
    if (!context.explicit && (!word || word.from === word.to)) return null;
    const list = JSON.parse(
      complete(context.state.doc.toString(), line.number, context.pos - line.from + 1),
    );
    return list.length ? { from: word ? word.from : context.pos, options: list } : null;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), highlightActiveLineGutter(), highlightActiveLine(), foldGutter(),
        drawSelection(), history(), indentOnInput(), bracketMatching(), closeBrackets(),
        indentUnit.of("  "), EditorState.tabSize.of(2), yaml(), syntaxHighlighting(colours), theme,
        lintGutter(), autocompletion({ override: [source] }),
        EditorView.contentAttributes.of({ "aria-label": label }),
        // Escape then Tab leaves the editor, for the keyboard.
        keymap.of([
          ...completionKeymap, ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap,
          indentWithTab,
        ]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !silent) changed(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    set(next) {
      if (next === view.state.doc.toString()) return;
      silent = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } });
      silent = false;
    },
    /// Diagnostics as JSON: [{line, column, message}], counted from 1.
    diagnose(json) {
      const doc = view.state.doc;
      const list = JSON.parse(json).map((d) => {
        const line = doc.line(Math.min(Math.max(d.line, 1), doc.lines));
        const from = Math.min(line.from + Math.max(d.column - 1, 0), line.to);
        const rest = doc.sliceString(from, line.to).match(/^\S+/);
        return {
          from, to: Math.max(from + (rest ? rest[0].length : 0), from),
          severity: d.severity ?? "error", message: d.message,
        };
      });
      view.dispatch(setDiagnostics(view.state, list));
    },
    goto(line, column) {
      const at = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
      const pos = Math.min(at.from + column - 1, at.to);
      view.dispatch({ selection: { anchor: pos }, scrollIntoView: true });
      view.focus();
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

/// Graphs in an element: requests answered and failed per second, and the time to the answer.
export function graph(parent) {
  const colour = (name) => () => getComputedStyle(parent).getPropertyValue(name);
  const axis = { stroke: colour("--ink2"), grid: { stroke: colour("--line"), width: 1 }, size: 34,
    font: "10px system-ui", ticks: { show: false } };
  const minutes = (s) => `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  const line = (name, more) => ({ stroke: colour(name), width: 1.5, points: { show: false }, ...more });
  const size = () => ({
    width: Math.max(parent.clientWidth, 120), height: Math.max(parent.clientHeight, 60),
  });
  const plot = new uPlot(
    {
      ...size(),
      legend: { show: false }, cursor: { show: false },
      scales: {
        x: { time: false },
        y: { range: (_, low, high) => [0, Math.max(high, 1) * 1.1] },
        ms: { range: (_, low, high) => [0, Math.max(high, 10) * 1.1] },
      },
      axes: [
        { ...axis, size: 20, incrs: [1, 5, 10, 30, 60, 120, 300, 600], space: 56,
          values: (_, all) => all.map(minutes) },
        { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] },
        { ...axis, scale: "ms", side: 1, grid: { show: false } },
      ],
      series: [
        {},
        line("--accent"),
        line("--fail", { dash: [5, 3] }),
        line("--term", { width: 1, scale: "ms" }),
      ],
    },
    [[0], [0], [0], [0]],
    parent,
  );
  const fit = new ResizeObserver(() => { if (parent.clientWidth) plot.setSize(size()); });
  fit.observe(parent);
  return {
    update(json) {
      const t = JSON.parse(json);
      if (t.seconds.length) plot.setData([t.seconds, t.ok, t.failed, t.p95_us.map((us) => us / 1000)]);
    },
    destroy() { fit.disconnect(); plot.destroy(); },
  };
}

/// How long a dot takes at least, in milliseconds of the person: real ways are over too soon to see.
const JOURNEY = 900;
/// How long a failure stays where it happened.
const STAYS = 700;

/// Requests as dots on a canvas over the map. `show` gets the requests of the model and how many
/// simulated microseconds pass per millisecond (0 while time stands still).
export function dots(canvas) {
  const map = canvas.parentElement;
  const paint = canvas.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let flows = { now: 0, list: [] }, pace = 0, heard = 0, shown = 0, frame = 0;
  let ways = [], colours = [];

  /// The middle of each place on the canvas.
  const measure = () => {
    const box = map.getBoundingClientRect();
    canvas.style.top = `${map.scrollTop}px`;
    const [w, h] = [Math.round(box.width), Math.round(box.height)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    const found = new Map();
    const place = (anchor) => {
      if (!found.has(anchor)) {
        const element = map.querySelector(`[data-anchor="${CSS.escape(anchor)}"]`);
        const at = element?.getBoundingClientRect();
        // A dot ends at the upper edge of a tile, so that it hides no word.
        const y = anchor.startsWith("tile:") ? 0 : at?.height / 2;
        found.set(anchor, at && [at.x + at.width / 2 - box.x, at.y + y - box.y]);
      }
      return found.get(anchor);
    };
    ways = flows.list.map((f) => ({ ...f, way: f.stops.map(place).filter(Boolean) }));
    const style = getComputedStyle(map);
    colours = ["--accent", "--fail"].map((name) => style.getPropertyValue(name));
  };

  const draw = (at) => {
    frame = requestAnimationFrame(draw);
    if (still.matches) return void paint.clearRect(0, 0, canvas.width, canvas.height);
    // Between two reports time goes on at its pace, but never far ahead and never back.
    const now = flows.now + pace * Math.min(at - heard, 250);
    shown = Math.abs(now - shown) > 300 * Math.max(pace, 1000) ? now : Math.max(shown, now);
    if (!pace) shown = now;
    paint.clearRect(0, 0, canvas.width, canvas.height);
    const scale = Math.max(pace, 250);
    for (const { began, ok, way } of ways) {
      const age = (shown - began) / scale;
      if (age < 0 || way.length < 2) continue;
      const legs = way.length - 1;
      const part = Math.min((age / JOURNEY) * legs, legs);
      const over = age - JOURNEY;
      if (over > 0 && ok === true) continue;
      const leg = Math.min(Math.floor(part), legs - 1);
      const [[x0, y0], [x1, y1]] = [way[leg], way[leg + 1]];
      const [x, y] = [x0 + (x1 - x0) * (part - leg), y0 + (y1 - y0) * (part - leg)];
      if (over > 0 && ok === false) {
        if (over > STAYS) continue;
        const drop = (over / STAYS) * 14;
        paint.strokeStyle = colours[1];
        paint.lineWidth = 2;
        paint.beginPath();
        for (const side of [-4, 4]) {
          paint.moveTo(x - side, y - 4 + drop);
          paint.lineTo(x + side, y + 4 + drop);
        }
        paint.stroke();
      } else {
        paint.fillStyle = colours[0];
        paint.beginPath();
        paint.arc(x, y, over > 0 ? 3 : 4, 0, 7);
        paint.fill();
      }
    }
  };
  frame = requestAnimationFrame(draw);
  return {
    show(json, next) {
      flows = JSON.parse(json);
      pace = next;
      heard = performance.now();
      measure();
    },
    stop: () => cancelAnimationFrame(frame),
  };
}
