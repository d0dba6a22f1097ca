/** An import's report as a CSV file that Excel opens: UTF-8 with a byte order mark, quoted as RFC 4180 says. */

/** One cell. A text that Excel would take for a formula gets an apostrophe before it. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const safe = /^[=+\-@\t\r\0]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe
}

export function toCsv(rows: readonly (readonly (string | number)[])[]): string {
  return '\ufeff' + rows.map((row) => row.map(cell).join(',') + '\r\n').join('')
}
