import { makeCatalogue } from '../../demo-server/src/catalogue.js'
import { answer, describe as describeMovie } from '../../demo-server/src/composer.js'
import { movies } from './support/data.js'

const catalogue = makeCatalogue(movies)
const about = (id: string, question: string) => answer(catalogue.enhance(catalogue.find(id)!), question)

describe('the local composer', () => {
  it.each([
    ['Who directed it?', 'directed by Christopher Nolan'],
    ['Was it a success?', '5.53 times its budget'],
    ['When did it open?', '18 July 2008'],
    ['What is similar to it?', 'Batman Begins (2005)'],
    ['Is it based on a book?', 'based on comic/graphic novel'],
    ['How did critics rate it?', '93 percent good reviews'],
  ])('answers %s with a figure or a name from the data', (question, fact) => {
    expect(about('the-dark-knight-2008', question)).toContain(fact)
  })

  it('keeps to what was asked, and tells the unusual first when nothing it knows was asked', () => {
    expect(about('the-dark-knight-2008', 'Who directed it?')).not.toContain('budget')
    expect(about('the-dark-knight-2008', 'Tell me something')).toMatch(
      /^The Dark Knight \(2008\)\. It took 1\.02 billion/,
    )
  })

  it('points out that critics and users disagree, where they do', () => {
    expect(about('seven-pounds-2008', 'How is it rated?')).toContain(
      'The users place it far higher than the critics do.',
    )
    expect(about('air-force-one-1997', 'How is it rated?')).toContain('The critics place it far higher')
    expect(about('the-dark-knight-2008', 'How is it rated?')).not.toContain('far higher')
  })

  it('admits that the data does not say', () => {
    expect(about('the-land-girls-1998', 'Is it based on a book?')).toContain('The data set does not say.')
  })

  it('signs as what it is', () => {
    expect(about('toy-story-1995', 'Was it a success?')).toMatch(/not a language model/)
  })

  it('describes a film in full, and one of which little is known in what is known', () => {
    expect(describeMovie(catalogue.find('the-dark-knight-2008')!)).toBe(
      'The Dark Knight is a 2008 action film directed by Christopher Nolan and distributed by Warner Bros. ' +
        'Its source: based on comic/graphic novel. It runs 152 minutes. It cost 185 million dollars. ' +
        'It took 1.02 billion dollars around the world. IMDb users give it 8.9 out of 10. ' +
        'On Rotten Tomatoes it stands at 93 percent.',
    )
    expect(describeMovie(catalogue.find('the-land-girls-1998')!)).toBe(
      'The Land Girls is a 1998 film distributed by Gramercy. It cost 8 million dollars. ' +
        'It took 146,083 dollars around the world. IMDb users give it 6.1 out of 10.',
    )
  })
})
