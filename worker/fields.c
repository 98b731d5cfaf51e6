/*
 * fields.c - two passes: judge() fills the states and says whether anything has to be edited, copy() edits.
 */
#include "worker/fields.h"

#include "proto/json.h"
#include "worker/field_value.h"

#define WRONG_MAX 16 /* as many parts as a field's name may have */

struct check {
	const struct fields *f;
	struct arena *a;
	const struct attachments *attached;
	fields_source source;
	void *arg;
	struct field_state *state;
	size_t more; /* bytes that defaults add, at most */
	char *out;   /* copy(): what comes next */
	struct slice wrong[WRONG_MAX]; /* the refused member's name, then its parents' */
	unsigned nwrong;
};

/* That member, or one in it, is refused. */
static bool refuse(struct check *c, struct slice name)
{
	if (c->nwrong < WRONG_MAX)
		c->wrong[c->nwrong++] = name;
	return false;
}

static struct slice wrong_name(const struct check *c)
{
	size_t n = 0;
	char *begin, *p;

	for (unsigned i = 0; i < c->nwrong; i++)
		n += c->wrong[i].n + 1;
	begin = p = arena_alloc(c->a, n + 1);
	for (unsigned i = c->nwrong; i-- > 0;) {
		memcpy(p, c->wrong[i].p, c->wrong[i].n);
		p += c->wrong[i].n;
		*p++ = '.';
	}
	return slice_make(begin, n > 0 ? n - 1 : 0);
}

static bool judge_members(struct check *c, const struct field_set *s, struct slice v, bool *edited);

/* The member of that raw name.  *NEXT: which one is likely, as most clients write them in the same order always. */
static const struct field *find(const struct field_set *s, unsigned *next, struct slice key)
{
	char name[FIELD_NAME_MAX];
	const struct field *f;
	ssize_t n;

	if (*next < s->n) {
		f = &s->field[*next];
		if (f->name.n == key.n && memcmp(f->name.p, key.p, key.n) == 0) {
			(*next)++;
			/* a name with a backslash in it is never written without an escape */
			if (memchr(key.p, '\\', key.n) == NULL)
				return f;
		}
	}
	if (key.n > 0 && memchr(key.p, '\\', key.n) != NULL) {
		n = json_string_decode(slice_make(key.p - 1, key.n + 2), name, sizeof(name));
		return n < 0 ? NULL : field_find(s, name, (size_t)n);
	}
	f = field_find(s, key.p, key.n);
	if (f != NULL)
		*next = (unsigned)(f - s->field) + 1;
	return f;
}

/* Nothing came: a default, or an object made for the defaults in it, or nothing where that is allowed. */
static bool judge_absent(struct check *c, const struct field *f, bool *edited)
{
	struct field_state *st = &c->state[f->index];
	bool made = false;

	if (f->implied) {
		if (!judge_members(c, &f->members, slice_make(NULL, 0), &made))
			return false;
		if (!made)
			return true;
		st->found = FIELD_MADE;
	} else if (f->dflt == FIELD_DEFAULT_JSON) {
		*st = (struct field_state){slice_make(f->json.p, f->json.n), FIELD_FILLED, false};
	} else if (f->dflt == FIELD_DEFAULT_SOURCE && c->source(c->arg, &f->source, &st->value)) {
		if (!field_value_fits(&f->kind, c->a, st->value, c->attached))
			return false;
		st->found = FIELD_FILLED;
	} else {
		return f->optional;
	}
	/* ,"key":value or ,"key":{} */
	c->more += f->key.n + st->value.n + 6;
	*edited = true;
	return true;
}

static bool judge_value(struct check *c, const struct field *f, bool *edited)
{
	struct field_state *st = &c->state[f->index];

	if (!field_value_fits(&f->kind, c->a, st->value, c->attached))
		return false;
	if (f->members.n == 0)
		return true;
	if (!judge_members(c, &f->members, st->value, &st->edited))
		return false;
	*edited |= st->edited;
	return true;
}

/* V: an object, or nothing.  *EDITED is set when it does not stay as it is. */
static bool judge_members(struct check *c, const struct field_set *s, struct slice v, bool *edited)
{
	struct json_iter it = json_iter(v);
	struct slice key, value;
	unsigned next = 0;

	while (v.n > 0 && json_next_member(&it, &key, &value)) {
		const struct field *f = find(s, &next, key);
		struct field_state *st;

		if (f == NULL) {
			if (c->f->unknown == UNKNOWN_REJECT)
				return refuse(c, key);
			*edited |= c->f->unknown == UNKNOWN_DROP;
			continue;
		}
		st = &c->state[f->index];
		*edited |= st->found == FIELD_CAME;
		st->found = FIELD_CAME;
		st->value = value;
	}
	for (unsigned i = 0; i < s->n; i++) {
		const struct field *f = &s->field[i];
		bool came = c->state[f->index].found == FIELD_CAME;

		if (came ? !judge_value(c, f, edited) : !judge_absent(c, f, edited))
			return refuse(c, slice_make(f->name.p, f->name.n));
	}
	return true;
}

static void put(struct check *c, const char *p, size_t n)
{
	memcpy(c->out, p, n);
	c->out += n;
}

static void copy_object(struct check *c, const struct field_set *s, struct slice v);

static void copy_value(struct check *c, const struct field *f)
{
	const struct field_state *st = &c->state[f->index];

	if (st->found == FIELD_MADE || st->edited)
		copy_object(c, &f->members, st->value);
	else
		put(c, st->value.p, st->value.n);
}

static void put_member(struct check *c, const struct field *f, bool first)
{
	put(c, ",\"", 2);
	if (first)
		*(--c->out - 1) = '"';
	put(c, f->key.p, f->key.n);
	put(c, "\":", 2);
	copy_value(c, f);
}

/* Of V, an object or nothing, what stays; then what comes in. */
static void copy_object(struct check *c, const struct field_set *s, struct slice v)
{
	struct json_iter it = json_iter(v);
	const char *const begin = it.p;
	const char *done = begin; /* behind the last member */
	struct slice key, value;
	unsigned next = 0;
	bool first = true;

	*c->out++ = '{';
	while (v.n > 0 && json_next_member(&it, &key, &value)) {
		const struct field *f = find(s, &next, key);
		const char *p = done;

		done = it.p;
		/* of several with one name the last was judged */
		if (f != NULL ? c->state[f->index].value.p != value.p : c->f->unknown == UNKNOWN_DROP)
			continue;
		/* the first that stays has no comma in front */
		if (first && p != begin) {
			const char *comma = memchr(p, ',', (size_t)(key.p - p));

			p = comma != NULL ? comma + 1 : p;
		}
		first = false;
		put(c, p, (size_t)(value.p - p));
		if (f != NULL)
			copy_value(c, f);
		else
			put(c, value.p, value.n);
	}
	for (unsigned i = 0; i < s->n; i++) {
		const struct field *f = &s->field[i];

		if (c->state[f->index].found != FIELD_FILLED && c->state[f->index].found != FIELD_MADE)
			continue;
		put_member(c, f, first);
		first = false;
	}
	if (v.n > 0)
		put(c, done, (size_t)(v.p + v.n - 1 - done));
	*c->out++ = '}';
}

/* They have no brackets around them. */
static struct json_iter iter_arguments(struct slice args)
{
	return (struct json_iter){args.p, args.n > 0 ? args.p + args.n : args.p};
}

/* The object form: the members of the first argument. */
static bool check_object(struct check *c, struct slice args, struct fields_result *out)
{
	static const struct field_kind object = {.type = FIELD_OBJECT};
	struct slice first = {NULL, 0}, rest = {NULL, 0};
	bool edited = false;

	if (args.n > 0) {
		struct json_iter it = iter_arguments(args);

		if (!json_next_element(&it, &first) || !field_value_fits(&object, c->a, first, c->attached))
			return false;
		rest = slice_make(first.p + first.n, (size_t)(args.p + args.n - (first.p + first.n)));
		if (json_trim(rest).n > 0 && c->f->unknown != UNKNOWN_PASS) {
			if (c->f->unknown == UNKNOWN_REJECT)
				return false;
			rest.n = 0;
		}
	}
	if (!judge_members(c, &c->f->top, first, &edited))
		return false;
	if (!edited) {
		if (args.n > 0)
			args = slice_make(first.p, first.n + rest.n);
		*out = (struct fields_result){.payload = first, .args = args, .rest = rest, .state = c->state};
		return true;
	}
	c->out = arena_alloc(c->a, first.n + c->more + rest.n + 2);
	out->args.p = c->out;
	copy_object(c, &c->f->top, first);
	out->payload = slice_make(out->args.p, (size_t)(c->out - out->args.p));
	out->rest = slice_make(c->out, rest.n);
	if (rest.n > 0)
		put(c, rest.p, rest.n);
	out->args.n = (size_t)(c->out - out->args.p);
	out->state = c->state;
	return true;
}

/* The named arguments as an object, for whoever reads them by name. */
static struct slice named(struct check *c, size_t size)
{
	const struct field_set *s = &c->f->top;
	char *begin = arena_alloc(c->a, size);
	bool first = true;

	c->out = begin;
	*c->out++ = '{';
	for (unsigned i = 0; i < s->n; i++) {
		if (c->state[s->field[i].index].found == FIELD_ABSENT)
			continue;
		put_member(c, &s->field[i], first);
		first = false;
	}
	*c->out++ = '}';
	return slice_make(begin, (size_t)(c->out - begin));
}

/* The arguments again, with those that were missing; MORE are those behind them, with their comma. */
static struct slice listed(struct check *c, size_t size, struct slice more)
{
	const struct field_set *s = &c->f->top;
	char *begin = arena_alloc(c->a, size);
	unsigned n = s->n;

	c->out = begin;
	while (n > 0 && more.n == 0 && c->state[s->field[n - 1].index].found == FIELD_ABSENT)
		n--;
	for (unsigned i = 0; i < n; i++) {
		const struct field_state *st = &c->state[s->field[i].index];

		if (i > 0)
			*c->out++ = ',';
		if (st->found == FIELD_ABSENT)
			put(c, "null", 4);
		else
			put(c, st->value.p, st->value.n);
	}
	if (more.n > 0)
		put(c, more.p, more.n);
	return slice_make(begin, (size_t)(c->out - begin));
}

/* null says that an argument is left out, if it may be: undefined becomes it on the way. */
static bool left_out(const struct field *f, struct slice v)
{
	return json_type(v) == JSON_NULL && f->kind.type != FIELD_ANY && (f->optional || f->dflt != FIELD_NO_DEFAULT);
}

/* The positional form.  None of these fields has members. */
static bool check_list(struct check *c, struct slice args, struct fields_result *out)
{
	const struct field_set *s = &c->f->top;
	struct json_iter it = iter_arguments(args);
	struct slice v, more = {NULL, 0};
	size_t size = args.n + 2;
	bool edited = false;
	unsigned n = 0;

	for (; args.n > 0 && json_next_element(&it, &v); n++) {
		if (n >= s->n) {
			if (c->f->unknown == UNKNOWN_REJECT)
				return false;
			edited |= c->f->unknown == UNKNOWN_DROP;
		} else if (!left_out(&s->field[n], v)) {
			c->state[s->field[n].index] = (struct field_state){v, FIELD_CAME, false};
		}
		if (n + 1 == s->n && c->f->unknown == UNKNOWN_PASS)
			more = slice_make(it.p, (size_t)(args.p + args.n - it.p));
	}
	for (unsigned i = 0; i < s->n; i++) {
		const struct field *f = &s->field[i];
		bool came = c->state[f->index].found == FIELD_CAME;

		if (came ? !judge_value(c, f, &edited) : !judge_absent(c, f, &edited))
			return refuse(c, slice_make(f->name.p, f->name.n));
		size += f->key.n + 6;
	}
	size += c->more;
	*out = (struct fields_result){.payload = named(c, size), .args = args, .state = c->state};
	if (edited)
		out->args = listed(c, size, more);
	return true;
}

/* With `shape = both` no first argument by position is an object (conf/field.c). */
static bool is_object_form(const struct fields *f, struct slice args)
{
	struct json_iter it = iter_arguments(args);
	struct slice first;

	if (!f->both)
		return !f->params;
	return args.n > 0 && json_next_element(&it, &first) && json_type(first) == JSON_OBJECT;
}

bool fields_check(const struct fields *f, struct arena *a, struct slice args, const struct attachments *attached,
    fields_source source, void *arg, struct fields_result *out)
{
	size_t n = f->nnode * sizeof(struct field_state);
	struct check c = {.f = f, .a = a, .attached = attached, .source = source, .arg = arg};

	c.state = arena_alloc(a, n);
	memset(c.state, 0, n);
	if (is_object_form(f, args) ? check_object(&c, args, out) : check_list(&c, args, out))
		return true;
	*out = (struct fields_result){.wrong = wrong_name(&c)};
	return false;
}
