// Saves files from within the page: a download link carries its file as gzip. Where scripts are off, or the browser is
// too old, the link leads to the same file beside the page.
"use strict";

async function unpack(link) {
  const bytes = Uint8Array.from(atob(link.dataset.gz), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Blob([await new Response(stream).arrayBuffer()], { type: link.dataset.type });
}

async function pixels(svg) {
  const image = new Image();
  image.src = URL.createObjectURL(svg);
  try {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * image.naturalWidth, 2 * image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => canvas.toBlob(done, "image/png"));
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  [link.href, link.download] = [URL.createObjectURL(blob), name];
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[download]");
  if (!link || !("DecompressionStream" in window)) return;
  event.preventDefault();
  const packed = link.dataset.gz ? link : link.closest("ul").querySelector('[data-type="image/svg+xml"]');
  const file = await unpack(packed);
  save(packed === link ? file : await pixels(file), link.download);
});
