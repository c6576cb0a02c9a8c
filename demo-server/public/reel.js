/** A film as a reel: one ring for each figure, closed as far as the film's percentile goes. */

const OUTERMOST = 86
const STEP = 11

export function drawReel(svg, places) {
  const rings = places.flatMap((place, index) => {
    const radius = OUTERMOST - index * STEP
    const track = circle({ class: place ? 'track' : 'track unknown', r: radius })
    if (!place) return [track]
    // A path length of 100 makes percentiles of dashes; a dash of nothing would still show its round end.
    const arc = { class: 'arc', r: radius, pathLength: 100, 'stroke-dasharray': `${Math.max(place.percentile, 1)} 100` }
    return [track, circle(arc)]
  })
  svg.replaceChildren(circle({ class: 'rim', r: 97 }), ...rings, circle({ class: 'hub', r: 12 }))
}

function circle(attributes) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', 'circle')
  for (const [name, value] of Object.entries({ cx: 100, cy: 100, ...attributes })) node.setAttribute(name, value)
  return node
}
