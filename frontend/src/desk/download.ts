/** Hand a file to the browser's downloads under this name. */
export function download(content: Blob, name: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(content)
  link.download = name
  link.click()
  // Safari starts reading the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
