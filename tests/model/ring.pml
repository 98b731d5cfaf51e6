/*
 * ring.pml - publish, read, sleep, ring, kill and repair, for Spin.
 *
 * One owner, one reader, the master.  A ring of SIZE words; a record is one or two of them; a word holds its own
 * position, so a reader knows what it should have found.  Spin's memory is sequentially consistent, so the stores of
 * owner and reader go through buffers that drain in any order the fences allow: that is weaker than x86, about ARM's
 * stores.  The owner is killed after any step, up to KILLS times; what it had stored still drains, the master repairs
 * once it has, rings, and a successor goes on.
 *
 *	no word is believed that is not the one published at its position	(assert in the reader)
 *	nobody sleeps while there is something to read				(assert in the end)
 *
 * Each of these switches takes one thing out, and must make Spin find an error:
 *	NO_W2		the release fence between the claim and the words
 *	NO_W4		the release of the tail
 *	NO_OWNER_FENCE	the fence between the tail and the look at the sleeping flag
 *	NO_SLEEPER_FENCE the fence between the flag and the last look at the tail
 *	NO_R4		the reader's look at the claim
 *	LOWER_CLAIM	a repair that takes the claim back instead of padding
 *	NO_MASTER_RING	a master that does not ring after the repair
 */
#define SIZE  3
#define TOTAL 7		/* words published, with the padding */
#define KILLS 2
#define NONE  255
#define PAD   100	/* a padding word at position p holds PAD + p */

byte word[SIZE] = 200, claim, tail;	/* shared memory */
bool sleeping;
byte bell;			/* the eventfd */

byte b_claim = NONE, b_word[SIZE] = NONE, b_tail = NONE;	/* the owner's stores on their way */
byte b_sleeping = NONE;				/* the reader's */

byte kills, pos;
bool asleep, die, over;

#define words_drained (b_word[0] == NONE && b_word[1] == NONE && b_word[2] == NONE)
#define owner_drained (b_claim == NONE && words_drained && b_tail == NONE)

#ifdef NO_W2
#define may_drain_words true
#else
#define may_drain_words (b_claim == NONE)
#endif
#ifdef NO_W4
#define may_drain_tail true
#else
#define may_drain_tail (b_claim == NONE && words_drained)
#endif

active proctype buffers()
{
	byte i;
end:	do
	:: atomic { b_claim != NONE -> claim = b_claim; b_claim = NONE }
	:: atomic { b_tail != NONE && may_drain_tail -> tail = b_tail; b_tail = NONE }
	:: atomic { b_sleeping != NONE -> sleeping = b_sleeping; b_sleeping = NONE }
	:: atomic { may_drain_words && !words_drained ->
		if
		:: b_word[0] != NONE -> i = 0
		:: b_word[1] != NONE -> i = 1
		:: b_word[2] != NONE -> i = 2
		fi;
		word[i] = b_word[i]; b_word[i] = NONE; i = 0 }
	od
}

/* A store waits for an earlier one to the same place: each place has one order of values. */
inline put_claim(v) { atomic { b_claim == NONE -> b_claim = v } }
inline put_tail(v)  { atomic { b_tail == NONE -> b_tail = v } }
inline put_word(p)  { atomic { b_word[(p) % SIZE] == NONE -> b_word[(p) % SIZE] = p } }

active proctype owner()
{
	byte at, n, i;

life:	{
		do
		:: at >= TOTAL -> break
		:: else ->
			if
			:: n = 1
			:: at + 2 <= TOTAL -> n = 2
			fi;
			put_claim(at + n);			/* W1, W2 */
			i = 0;
			do
			:: i < n -> put_word(at + i); i++	/* W3 */
			:: else -> break
			od;
			put_tail(at + n);			/* W4 */
			at = at + n;
#ifndef NO_OWNER_FENCE
			owner_drained;
#endif
			if
			:: sleeping -> bell = 1
			:: else
			fi
		od
	} unless { die };
	if
	:: die ->						/* the master, after waitpid */
		owner_drained;
#ifdef LOWER_CLAIM
		claim = tail;
#else
		i = tail;
		do
		:: i < claim -> word[i % SIZE] = PAD + i; i++
		:: else -> break
		od;
		tail = claim;
#endif
#ifndef NO_MASTER_RING
		if
		:: sleeping -> bell = 1
		:: else
		fi;
#endif
		at = tail; n = 0; i = 0; die = false;
		goto life
	:: else
	fi;
	over = true
}

active proctype killer()
{
end:	do
	:: atomic { kills < KILLS && !die && !over -> kills++; die = true }
	od
}

active proctype reader()
{
	byte w, t;

	do
	:: t = tail;						/* R1 */
		if
		:: t == pos ->
			b_sleeping = 1;				/* S1 */
#ifndef NO_SLEEPER_FENCE
			b_sleeping == NONE;			/* S2 */
#endif
			t = tail;				/* S3 */
			if
			:: t == pos -> asleep = true;
end:				bell > 0;			/* S4 */
				asleep = false
			:: else
			fi;
			atomic { b_sleeping == NONE -> b_sleeping = 0 }
			atomic { b_sleeping == NONE -> bell = 0 }
		:: else ->
			w = word[pos % SIZE];			/* R2, R3 */
#ifndef NO_R4
			if
			:: claim - pos > SIZE -> pos = tail	/* R4: lapped */
			:: else ->
#endif
				assert(w == pos || w == PAD + pos);
				pos++
#ifndef NO_R4
			fi
#endif
		fi;
		w = 0; t = 0
	od
}

init {
	timeout;
	assert(!(asleep && bell == 0 && pos != tail))
}
