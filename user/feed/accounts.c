// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which account a group belongs to, where the document says it. Groups and rules are read
 * by it; only who asks about single ends keeps it, since no verdict depends on it. So what
 * is no account is passed over, and never refuses a document.
 */
#include <string.h>

#include "feed/reading.h"

/* They have 12 digits. */
#define MOST_DIGITS 20

static bool is_account(const struct bg_json *value)
{
	if (!value || value->type != BG_JSON_STRING || !value->text.length ||
	    value->text.length > MOST_DIGITS)
		return false;
	for (size_t i = 0; i < value->text.length; i++)
		if (value->text.bytes[i] < '0' || value->text.bytes[i] > '9')
			return false;
	return true;
}

int bg_feed_account(struct bg_feed *feed, struct bg_text group, const struct bg_json *account,
		    struct bg_error *err)
{
	struct bg_group_account *known;

	if (!feed->keep_all || !group.length || !is_account(account) ||
	    bg_dict_find(&feed->accounts, group.bytes, group.length))
		return 0;
	known = BG_GROW(feed->model->accounts, feed->model->account_count);
	if (!known)
		return bg_no_memory(err, BG_READING);
	known->group_id = bg_text_dup(group);
	known->account = bg_text_dup(account->text);
	if (!known->group_id || !known->account ||
	    !bg_dict_put(&feed->accounts, known->group_id, group.length,
			 feed->model->account_count - 1, NULL))
		return bg_no_memory(err, BG_READING);
	return 0;
}

const char *bg_model_account(const struct bg_model *model, const char *group_id)
{
	for (size_t i = 0; i < model->account_count; i++)
		if (!strcmp(model->accounts[i].group_id, group_id))
			return model->accounts[i].account;
	return NULL;
}
