/** The text that every user gets at a path: it names the path, and each place in it differs from the others. */
exports.bodyOf = (path, length = 20_000) => {
  let text = `[${path}]`
  for (let line = 0; text.length < length; line++) text += ` ${line} of [${path}]`
  return text
}
