/** Elements: found, made, and changed only where something differs. What strangers wrote becomes text and nothing else. */

export const element = id => document.getElementById(id)

export function make(tag, attributes = {}, ...content) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  node.append(...content)
  return node
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** A figure: the value for programs, the text for people. */
export function setData(node, value, text) {
  node.value = value
  setText(node, text)
}

/** Of a bar: how far it is filled. */
export function setBar(node, share) {
  node.style.width = `${Math.min(100, share * 100).toFixed(1)}%`
}

/** Says it to those who listen to the page. */
export const say = text => setText(element('said'), text)

/**
 * Makes the children of a node those of a list. An item that was there before keeps its element, and the element the focus: what is pressed is
 * what was looked at.
 */
export function reconcile(parent, items, keyOf, makeItem, updateItem) {
  const focused = document.activeElement
  const known = new Map([...parent.children].map(node => [node.dataset.key, node]))
  const nodes = items.map(item => {
    const node = known.get(keyOf(item)) ?? makeItem(item)
    node.dataset.key = keyOf(item)
    updateItem(node, item)
    return node
  })
  if (nodes.length === parent.children.length && nodes.every((node, at) => node === parent.children[at])) return
  parent.replaceChildren(...nodes)
  if (parent.contains(focused)) focused.focus({ preventScroll: true })
}
