#include "worker/rule_hook.h"

#include "conf/log.h"
#include "proto/json.h"
#include "worker/behind.h"
#include "worker/rule.h"
#include "worker/session.h"
#include "worker/worker.h"

enum refusal rule_hook_refusal(
    struct eval *e, struct slice name, const struct hook *h, enum hook_failure why, struct text *text)
{
	struct buf *b = &e->w->name;
	struct eval about = *e;
	struct slice body;

	*text = (struct text){NULL, 0};
	if (why == HOOK_FAILED_BUSY)
		return REFUSAL_BUSY;
	if (why != HOOK_FAILED_OPEN)
		return REFUSAL_HOOK_FAILED;
	about.event = name;
	buf_reset(b);
	/* a name too long for a template, say: then the words of `texts` do */
	if (eval_text(&about, &h->text, b) != 0)
		return REFUSAL_HOOK_FAILED;
	body = buf_as_slice(b);
	b = &e->w->json;
	buf_reset(b);
	buf_json_escaped(b, body);
	*text = (struct text){arena_copy(&e->w->arena, b->p, b->n), b->n};
	return REFUSAL_HOOK_FAILED;
}

void rule_hook_acts(struct worker *w, struct socket *so, const struct hook_reply *reply)
{
	int64_t ticket = hook_reply_run(w, reply);

	if (so != NULL && ticket > 0)
		behind_published(so->session, ticket);
}

static void refuse(struct eval *e, struct socket *so, const struct rule *r, const struct sio_packet *p, enum hook_failure why)
{
	struct text text;
	enum refusal code = rule_hook_refusal(e, p->name, r->hook.hook, why, &text);

	rule_refuse_text(so, p, code, text);
}

static void event_replied(struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	const struct rule *r = run->what;
	struct slice ack = {NULL, 0};
	struct eval e;

	eval_again(run->kept, so, &e);
	if (reply == NULL && !r->hook.hook->goes_on) {
		refuse(&e, so, r, &run->asked, why);
		return;
	}
	if (reply != NULL) {
		rule_hook_acts(run->w, so, reply);
		if (reply->refused) {
			rule_refuse_by_hook(so, &run->asked, json_string_raw(reply->message),
			    reply->code.p != NULL ? json_string_raw(reply->code) : reply->code);
			return;
		}
		e.hook = reply->data;
		ack = reply->ack;
	}
	rule_finish(&e, so, r, &run->asked, ack);
}

bool rule_hook_event(struct eval *e, struct socket *so, const struct rule *r, const struct sio_packet *p)
{
	const struct hook_use *use = &r->hook;
	enum hook_failure why;

	if (use->hook == NULL)
		return true;
	if (use->notify) {
		rule_notify(e, p->name, use);
		return true;
	}
	if (rule_wait(e, p->name, use, r->fields != NULL ? r->fields->nnode : 0, p, r, false, event_replied, &why) != NULL)
		return false;
	if (use->hook->goes_on)
		return true;
	refuse(e, so, r, p, why);
	return false;
}

static void reaction_replied(struct rule_run *run, struct socket *so, const struct hook_reply *reply, enum hook_failure why)
{
	const struct rule *r = run->what;
	struct eval e;

	(void)why;
	eval_again(run->kept, so, &e);
	if (reply == NULL && !r->hook.hook->goes_on) {
		log_debug("rule_ended", "nsp=%s on=%s", e.nsp.p, r->name.p);
		return;
	}
	if (reply != NULL) {
		rule_hook_acts(run->w, so, reply);
		if (reply->refused)
			return;
		e.hook = reply->data;
	}
	rule_reacted(&e, r);
}

bool rule_hook_react(struct eval *e, const struct rule *r)
{
	const struct hook_use *use = &r->hook;
	struct slice name = slice_make(r->name_json.p, r->name_json.n);
	enum hook_failure why;

	if (use->hook == NULL)
		return true;
	if (use->notify) {
		rule_notify(e, name, use);
		return true;
	}
	if (rule_wait(e, name, use, 0, NULL, r, false, reaction_replied, &why) != NULL)
		return false;
	log_debug("rule_ended", "nsp=%s on=%s why=%s", e->nsp.p, r->name.p, hook_failure_name(why));
	return use->hook->goes_on;
}
