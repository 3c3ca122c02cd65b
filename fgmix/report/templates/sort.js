"use strict";
// Each column's name becomes a button: reached with Tab, pressed with Enter or Space.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      const keyed = [...body.rows].map((row) => ({ row, key: row.cells[column].dataset.key }));
      keyed.sort((one, other) => {
        if (one.key === "" || other.key === "") {
          return (one.key === "") - (other.key === "");
        }
        const [a, b] = [Number(one.key), Number(other.key)];
        if (Number.isFinite(a) !== Number.isFinite(b)) {
          return Number.isFinite(a) ? -1 : 1;
        }
        return sign * (Number.isFinite(a) ? a - b : one.key.localeCompare(other.key));
      });
      body.append(...keyed.map(({ row }) => row));
    });
  });
}
