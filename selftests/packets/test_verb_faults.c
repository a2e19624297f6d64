// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Steps of the running daemon that fail for a while: each is told, what is in force stays
 * so, and when the step succeeds again all is well by itself. net/test_faults.sh has the
 * calls of the kernel that fail; here it is whole functions, one after the other.
 */
#include <signal.h>
#include <sys/mman.h>

#include "apart/apart.h"
#include "apart/parser.h"
#include "daemon/reload.h"
#include "datapath/datapath.h"
#include "datapath/publish.h"
#include "datapath/tally.h"
#include "guard/netdevs.h"
#include "guard/routes.h"
#include "live_node.h"
#include "pinned/share.h"

/* Shared with the daemon's process: which step fails, and by what. */
static volatile struct {
	int step;
	int error;
	unsigned int failed, looks; /* looks at the feed */
} *fault;

enum step {
	NONE,
	PARSE,
	FILL,
	BRANCHES,
	IMAGE,
	ROUTES,
	NETDEVS,
	TALLY,
	PINS,
};

static bool fails(enum step step)
{
	if (!fault || fault->step != (int)step)
		return false;
	fault->failed++;
	return true;
}

#define FAULT(err) bg_fail(err, -fault->error, "it is made to fail")

int __real_bg_parser_run(const char *name, int text_fd, struct bg_wire_answer *answer,
			 struct bg_error *err);
int __wrap_bg_parser_run(const char *name, int text_fd, struct bg_wire_answer *answer,
			 struct bg_error *err);
int __wrap_bg_parser_run(const char *name, int text_fd, struct bg_wire_answer *answer,
			 struct bg_error *err)
{
	if (!fails(PARSE))
		return __real_bg_parser_run(name, text_fd, answer, err);
	memset(answer, 0, sizeof(*answer));
	return FAULT(err);
}

int __real_bg_reload_begin(struct bg_daemon *daemon, bool anyway, struct bg_error *err);
int __wrap_bg_reload_begin(struct bg_daemon *daemon, bool anyway, struct bg_error *err);
int __wrap_bg_reload_begin(struct bg_daemon *daemon, bool anyway, struct bg_error *err)
{
	if (fault)
		fault->looks++;
	return __real_bg_reload_begin(daemon, anyway, err);
}

int __real_bg_datapath_fill(const struct bg_datapath *datapath, const struct bg_image *image,
			    int *image_fd, struct bg_error *err);
int __wrap_bg_datapath_fill(const struct bg_datapath *datapath, const struct bg_image *image,
			    int *image_fd, struct bg_error *err);
int __wrap_bg_datapath_fill(const struct bg_datapath *datapath, const struct bg_image *image,
			    int *image_fd, struct bg_error *err)
{
	return fails(FILL) ? FAULT(err) : __real_bg_datapath_fill(datapath, image, image_fd, err);
}

int __real_bg_publish_branches(struct bg_publish *publish, struct bg_error *err);
int __wrap_bg_publish_branches(struct bg_publish *publish, struct bg_error *err);
int __wrap_bg_publish_branches(struct bg_publish *publish, struct bg_error *err)
{
	return fails(BRANCHES) ? FAULT(err) : __real_bg_publish_branches(publish, err);
}

int __real_bg_publish_image(struct bg_publish *publish, int *image_fd, struct bg_error *err);
int __wrap_bg_publish_image(struct bg_publish *publish, int *image_fd, struct bg_error *err);
int __wrap_bg_publish_image(struct bg_publish *publish, int *image_fd, struct bg_error *err)
{
	return fails(IMAGE) ? FAULT(err) : __real_bg_publish_image(publish, image_fd, err);
}

int __real_bg_routes_sync(const struct bg_datapath *datapath, const struct bg_model *model,
			  struct bg_netdevs *netdevs, __u32 *primary, struct bg_error *err);
int __wrap_bg_routes_sync(const struct bg_datapath *datapath, const struct bg_model *model,
			  struct bg_netdevs *netdevs, __u32 *primary, struct bg_error *err);
int __wrap_bg_routes_sync(const struct bg_datapath *datapath, const struct bg_model *model,
			  struct bg_netdevs *netdevs, __u32 *primary, struct bg_error *err)
{
	return fails(ROUTES) ? FAULT(err)
			     : __real_bg_routes_sync(datapath, model, netdevs, primary, err);
}

int __real_bg_netdevs_read(struct bg_netdevs *netdevs,
			   void (*on_neighbour)(const struct bg_neighbour *neighbour,
						void *context),
			   void *context, unsigned int *changed, struct bg_error *err);
int __wrap_bg_netdevs_read(struct bg_netdevs *netdevs,
			   void (*on_neighbour)(const struct bg_neighbour *neighbour,
						void *context),
			   void *context, unsigned int *changed, struct bg_error *err);
int __wrap_bg_netdevs_read(struct bg_netdevs *netdevs,
			   void (*on_neighbour)(const struct bg_neighbour *neighbour,
						void *context),
			   void *context, unsigned int *changed, struct bg_error *err)
{
	int rc = __real_bg_netdevs_read(netdevs, on_neighbour, context, changed, err);

	return fails(NETDEVS) ? FAULT(err) : rc;
}

int __real_bg_datapath_tally(const struct bg_datapath *datapath, struct bg_error *err);
int __wrap_bg_datapath_tally(const struct bg_datapath *datapath, struct bg_error *err);
int __wrap_bg_datapath_tally(const struct bg_datapath *datapath, struct bg_error *err)
{
	return fails(TALLY) ? FAULT(err) : __real_bg_datapath_tally(datapath, err);
}

int __real_bg_share_pins(const char *pin_dir, gid_t group, struct bg_error *err);
int __wrap_bg_share_pins(const char *pin_dir, gid_t group, struct bg_error *err);
int __wrap_bg_share_pins(const char *pin_dir, gid_t group, struct bg_error *err)
{
	return fails(PINS) ? FAULT(err) : __real_bg_share_pins(pin_dir, group, err);
}

/* --- the tests ------------------------------------------------------------- */

static int begin(void **state)
{
	fault = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (fault == MAP_FAILED || node_up(state))
		return -1;
	node_write_feed(NODE_FEED("one", "443"));
	NODE_BEGIN(NULL);
	return 0;
}

static void break_step(enum step step, int error)
{
	fault->error = error;
	fault->failed = 0;
	fault->step = (int)step;
}

static bool has_looked(const char *what)
{
	(void)what;
	return fault->looks >= 2; /* and the first of them is done */
}

/* A feed that comes meanwhile is not lost: it is tried again by itself, until it is accepted. */
static void a_feed_refused_for_a_passing_reason_is_tried_again(void **state)
{
	static const struct {
		enum step step;
		int error;
		const char *feed, *in_force;
	} cases[] = {
		{ PARSE, EAGAIN, NODE_FEED("two", "8443"), "feed \"two\"" },
		{ FILL, ENOMEM, NODE_FEED("three", "443"), "feed \"three\"" },
		{ BRANCHES, ENOMEM, NODE_FEED("four", "8443"), "feed \"four\"" },
		{ IMAGE, EBUSY, NODE_FEED("four and a half", "444"), "feed \"four and a half\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		node_wait_well();
		node_log_from_here();
		break_step(cases[i].step, cases[i].error);
		node_write_feed(cases[i].feed);
		node_wait_log("it is made to fail");
		assert_true(node_comes(node_status_says, "REFUSED"));
		assert_true(node_status_says_not(cases[i].in_force));
		break_step(NONE, 0);
		assert_true(node_comes(node_status_says, cases[i].in_force));
		assert_true(node_comes(node_status_says_not, "REFUSED"));
	}
}

/* One that will never do is not tried again, but the next one is taken. */
static void a_feed_refused_for_good_is_not_tried_again(void **state)
{
	(void)state;
	node_log_from_here();
	break_step(PARSE, EPROTO);
	node_write_feed(NODE_FEED("five", "443"));
	node_wait_log("it is made to fail");
	assert_true(node_comes(node_status_says, "REFUSED"));
	/* the next look at the file, which is the same */
	fault->looks = 0;
	assert_true(node_comes(has_looked, ""));
	assert_int_equal(fault->failed, 1);
	break_step(NONE, 0);
	node_signal(SIGHUP);
	assert_true(node_comes(node_status_says, "feed \"five\""));
}

static void what_fails_beside_the_feed_is_told_and_heals(void **state)
{
	static const struct {
		enum step step;
		int error;
		const char *says;
		const char *stirs; /* what makes the daemon do it */
	} cases[] = {
		{ ROUTES, EIO, "guarding the interfaces, will be tried again",
		  "ip link set far0 mtu 1401" },
		{ NETDEVS, ENOBUFS,
		  "following the interfaces, will be tried again; what is armed stays armed",
		  "ip link set far0 mtu 1400" },
		{ TALLY, ENOMEM, "the map counters is not up to date, will be tried again",
		  "true" },
		{ PINS, ENOSPC, "pinning again what somebody unpinned, will be tried again",
		  "true" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		node_log_from_here();
		break_step(cases[i].step, cases[i].error);
		assert_int_equal(node_shell("%s", cases[i].stirs), 0);
		node_wait_log(cases[i].says);
		assert_true(node_status_says("feed \"five\""));
		break_step(NONE, 0);
		assert_int_equal(node_shell("ip link set far0 mtu 1500"), 0);
		node_wait_well();
	}
	assert_int_equal(node_end(SIGTERM), BG_EXIT_DONE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feed_refused_for_a_passing_reason_is_tried_again),
		cmocka_unit_test(a_feed_refused_for_good_is_not_tried_again),
		cmocka_unit_test(what_fails_beside_the_feed_is_told_and_heals),
	};
	int status = bg_apart_main(argc, argv);

	return status >= 0 ? status : cmocka_run_group_tests(tests, begin, node_down);
}
