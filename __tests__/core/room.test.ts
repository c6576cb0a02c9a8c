import { Pins } from '../../lib/core/pins.js'
import { FREE, Room, type Hold } from '../../lib/core/room.js'

const MAX = 1_000_000

/** One who holds bytes, and gives them up when it is told. */
class One {
  at = 0
  gaveUp = 0
  readonly hold: Hold

  constructor(room: Room) {
    this.hold = room.open({ progress: () => this.at, giveUp: () => this.#giveUp() })
  }

  #giveUp(): void {
    this.gaveUp++
    this.hold.set(0)
  }
}
const holder = (room: Room): One => new One(room)

describe('the room for bodies that are made and read', () => {
  let now: number
  let room: Room
  beforeEach(() => {
    now = 1e12
    room = new Room(MAX, () => now)
  })

  it('counts nothing of small bodies', () => {
    for (let count = 0; count < 100; count++) holder(room).hold.set(FREE)
    expect(room.taken).toBe(0)
  })

  it('counts what is above that, until it is given back', () => {
    const [one, other] = [holder(room), holder(room)]
    one.hold.set(FREE + 10)
    other.hold.set(FREE + 5)
    expect(room.taken).toBe(15)
    one.hold.set(0)
    expect(room.taken).toBe(5)
  })

  it('is full for the next when it is taken', () => {
    const [one, other] = [holder(room), holder(room)]
    one.hold.set(FREE + MAX - 10)
    expect([other.hold.hasRoomFor(FREE + 10), other.hold.hasRoomFor(FREE + 11)]).toEqual([true, false])
    expect(other.hold.hasRoomFor(FREE)).toBe(true)
  })

  it('has always room for one who is alone', () => {
    const { hold } = holder(room)
    hold.set(FREE + MAX)
    expect(hold.hasRoomFor(MAX)).toBe(true)
  })

  it('is given up by those who have stood still for ten seconds, where others need it', () => {
    const [idle, busy, next] = [holder(room), holder(room), holder(room)]
    idle.hold.set(FREE + MAX / 2)
    busy.hold.set(FREE + MAX / 2)
    expect(next.hold.hasRoomFor(FREE + 1)).toBe(false)
    now += 9_999
    busy.at++
    expect(next.hold.hasRoomFor(FREE + 1)).toBe(false)
    now += 1_001
    expect(next.hold.hasRoomFor(FREE + 1)).toBe(true)
    expect([idle.gaveUp, busy.gaveUp]).toEqual([1, 0])
  })

  it('is not taken from those who stand still where nobody needs it', () => {
    const [idle, next] = [holder(room), holder(room)]
    idle.hold.set(FREE + 1)
    for (let count = 0; count < 3; count++) {
      now += 60_000
      expect(next.hold.hasRoomFor(FREE + 1)).toBe(true)
    }
    expect(idle.gaveUp).toBe(0)
  })
})

describe('stored bodies that are being read', () => {
  const entry = { key: 'api movie:603', body: Buffer.alloc(FREE + 100) }
  const reader = () => ({ progress: () => 0, giveUp: jest.fn() })
  let room: Room
  let stored: Set<string>
  let pins: Pins
  beforeEach(() => {
    room = new Room(MAX, () => 0)
    stored = new Set([entry.key])
    pins = new Pins(room, key => stored.has(key))
  })

  it('need no room while memory holds them', () => {
    pins.pin(entry, reader())
    expect(room.taken).toBe(0)
  })

  it('need room once memory has dropped them, however many read them', () => {
    const unpin = [pins.pin(entry, reader()), pins.pin(entry, reader())]
    pins.dropped(entry.key)
    expect(room.taken).toBe(100)
    unpin[0]!()
    unpin[0]!()
    expect(room.taken).toBe(100)
    unpin[1]!()
    expect(room.taken).toBe(0)
  })

  it('need room at once where memory has not taken them', () => {
    stored.clear()
    const unpin = pins.pin(entry, reader())
    expect(room.taken).toBe(100)
    unpin()
    expect(room.taken).toBe(0)
  })

  it('need none when they have been read before memory drops them', () => {
    pins.pin(entry, reader())()
    pins.dropped(entry.key)
    expect(room.taken).toBe(0)
  })

  it('are told apart from those that replace them', () => {
    pins.pin(entry, reader())
    pins.dropped(entry.key)
    const unpin = pins.pin({ ...entry, body: Buffer.alloc(FREE + 7) }, reader())
    expect(room.taken).toBe(100)
    pins.dropped(entry.key)
    expect(room.taken).toBe(107)
    unpin()
    expect(room.taken).toBe(100)
  })
})
