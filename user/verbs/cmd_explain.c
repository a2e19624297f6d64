// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard explain: the verdict on a packet that is not sent, and which rule. Here are
 * its options and what goes with what; explain/ asks the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/names.h"
#include "explain/batch.h"
#include "explain/path.h"
#include "show/out.h"
#include "verbs/cli.h"
#include "verbs/live_feed.h"
#include "verbs/live_gaps.h"
#include "verbs/read_feed.h"

struct request {
	const char *feed, *pin_dir, *queries, *branch, *protocol, *from, *to;
	bool live, json, has_direction, has_remote, has_port, has_type, has_code;
	int direction; /* enum bg_direction */
	int xdp;       /* index in hooks */
	int expected;  /* index in expectations; enum bg_expected less 1 */
	bool has_expected;
	__u32 port, icmp_type, icmp_code;
	struct bg_question question;
};

static int fill_service(struct request *request, struct bg_error *err)
{
	struct bg_question *question = &request->question;

	question->protocol = bg_protocol_parse(request->protocol);
	if (question->protocol < 0)
		return bg_fail(err, -EINVAL,
			       "--protocol '%.32s': expected tcp, udp, icmp, icmpv6 or a number "
			       "from 0 to 255",
			       request->protocol);
	question->port = request->has_port ? (int)request->port : -1;
	question->icmp_type = request->has_type ? (int)request->icmp_type : -1;
	question->icmp_code = (int)request->icmp_code;
	question->has_icmp_code = request->has_code;
	return bg_question_check_service(question, &bg_question_options, err);
}

static int fill_question(struct request *request, struct bg_error *err)
{
	struct bg_question *question = &request->question;
	int rc;

	if (!request->branch || !request->has_direction || !request->protocol ||
	    !request->has_remote)
		return bg_fail(err, -EINVAL,
			       "a question needs --branch, --direction, --protocol and --remote; "
			       "or --from, --to and --protocol; or --queries FILE with one on each "
			       "line");
	if (strlen(request->branch) >= sizeof(question->branch))
		return bg_fail(err, -EINVAL, "--branch has more than %zu bytes",
			       sizeof(question->branch) - 1);
	snprintf(question->branch, sizeof(question->branch), "%s", request->branch);
	question->direction = request->direction;
	if (request->xdp && request->direction == BG_EGRESS)
		return bg_fail(err, -EINVAL,
			       "--hook xdp with --direction egress: expected ingress, XDP judges "
			       "no other");
	rc = fill_service(request, err);
	return rc ? rc : bg_question_check(question, &bg_question_options, err);
}

static int check_path(struct request *request, struct bg_error *err)
{
	if (!request->from || !request->to || !request->protocol)
		return bg_fail(err, -EINVAL, "a path needs --from, --to and --protocol");
	if (request->queries || request->branch || request->has_direction || request->has_remote ||
	    request->question.has_local || request->xdp)
		return bg_fail(err, -EINVAL,
			       "--from and --to go with --protocol, --port, --icmp-type and "
			       "--icmp-code only");
	return fill_service(request, err);
}

static int check_usage(struct request *request, struct bg_error *err)
{
	bool single = request->branch || request->has_direction || request->protocol ||
		      request->has_remote || request->question.has_local || request->has_port ||
		      request->has_type || request->has_code;

	if (!request->feed == !request->live)
		return bg_fail(err, -EINVAL, "expected either --feed FEED or --live");
	if (request->from || request->to)
		return check_path(request, err);
	if (!request->queries)
		return fill_question(request, err);
	if (single)
		return bg_fail(err, -EINVAL,
			       "--queries FILE and a question of its own exclude "
			       "each other");
	if (request->feed && !strcmp(request->feed, "-") && !strcmp(request->queries, "-"))
		return bg_fail(err, -EINVAL, "feed and questions cannot both come from stdin");
	return 0;
}

static enum bg_explain_program program_for(const struct request *request,
					   enum bg_direction direction)
{
	if (direction == BG_EGRESS)
		return BG_EXPLAIN_BRANCH_EGRESS;
	return request->xdp ? BG_EXPLAIN_BRANCH_INGRESS_XDP : BG_EXPLAIN_BRANCH_INGRESS;
}

/* Both directions: questions from a file may be of either, and the other end is asked too. */
static unsigned int programs_for(const struct request *request)
{
	return BG_EXPLAIN_BIT(program_for(request, BG_INGRESS)) |
	       BG_EXPLAIN_BIT(program_for(request, BG_EGRESS));
}

static enum bg_expected expected_by(const struct request *request)
{
	if (!request->has_expected)
		return BG_EXPECT_NOTHING;
	return request->expected ? BG_EXPECT_DENY : BG_EXPECT_ALLOW;
}

/* What the questions are asked of. */
struct asked {
	struct bg_live_feed live; /* --live alone */
	struct bg_model *model;	  /* NULL: live, and the daemon's feed is not known */
	struct bg_explainer *explainer;
	struct bg_ends *ends;
};

static void release_asked(struct asked *asked)
{
	bg_ends_close(asked->ends);
	bg_explainer_close(asked->explainer);
	bg_model_free(asked->model);
}

static int print_json(const struct request *request, const struct asked *asked, json_t *json,
		      struct bg_error *err)
{
	if (request->live)
		json = bg_json_join(json, json_pack("{s:o}", "FeedFile",
						    bg_live_feed_json(&asked->live)));
	return bg_print_json(json, err);
}

static int answer_one(struct request *request, struct asked *asked, struct bg_error *err)
{
	const char *program =
		bg_explain_program_name(program_for(request, request->question.direction));
	struct bg_explained explained;
	char text[BG_SURPRISE_TEXT];
	int rc;

	rc = bg_explain_ends(asked->explainer, asked->ends, &request->question, &explained, err);
	if (rc)
		return rc;
	if (request->json) {
		rc = print_json(request, asked,
				bg_json_join(bg_explained_json_full(asked->ends, &explained),
					     json_pack("{s:s}", "Program", program)),
				err);
		if (rc)
			return rc;
	} else {
		bg_explained_print(asked->ends, &explained);
		bg_live_feed_print(&asked->live);
		printf("  %-9s %s, by a test run; nothing was sent\n", "judged by", program);
	}
	if (bg_explained_surprise(&explained, expected_by(request), text))
		return bg_fail(err, -ERANGE, "%s", text);
	return 0;
}

/* Of --live, when nothing says whose pods have which names. */
#define WHY_NO_PATHS (sizeof(((struct bg_live_feed *)0)->note) + 160)
static const char *why_no_paths(const struct asked *asked, char *text)
{
	snprintf(text, WHY_NO_PATHS,
		 "they need the daemon's feed, for the names of pods: %s; give --feed FEED instead "
		 "of --live",
		 asked->live.note);
	return text;
}

/* The output has an error for each question without an answer; this fails for them. */
static int answer_all(const struct request *request, struct asked *asked, struct bg_error *err)
{
	bool from_stdin = !strcmp(request->queries, "-");
	char why[WHY_NO_PATHS];
	struct bg_batch batch = {
		.explainer = asked->explainer,
		.ends = asked->ends,
		.model = asked->model,
		.pin_dir = request->live ? request->pin_dir : NULL,
		.why = why_no_paths(asked, why),
		.expected = expected_by(request),
	};
	struct bg_batch_count count;
	bg_auto_close int file = -1;
	int rc;

	if (!from_stdin) {
		file = open(request->queries, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return bg_fail(err, -errno, "opening the questions %s: %s",
				       request->queries, strerror(errno));
	}
	batch.fd = from_stdin ? STDIN_FILENO : file;
	rc = bg_explain_batch(&batch, &count, err);
	if (rc)
		return rc;
	if (count.bad)
		return bg_fail(err, -EINVAL,
			       "%zu of the questions could not be answered; each has "
			       "its \"Error\" in the output",
			       count.bad);
	if (count.surprises)
		return bg_fail(err, -ERANGE, "%zu of the answers are not the expected ones",
			       count.surprises);
	return 0;
}

static int answer_path(const struct request *request, struct asked *asked, struct bg_error *err)
{
	bg_cleanup(bg_path_release) struct bg_path path = {
		.model = asked->model,
		.pin_dir = request->live ? request->pin_dir : NULL,
		.from_name = request->from,
		.to_name = request->to,
		.question = request->question,
		.words = &bg_question_options,
	};
	char why[WHY_NO_PATHS], surprise[BG_PATH_SURPRISE_TEXT];
	int rc;

	if (!asked->model)
		return bg_fail(err, -ENOENT, "--from and --to: %s", why_no_paths(asked, why));
	rc = bg_explain_path(&path, err);
	if (rc)
		return rc;
	if (request->json) {
		rc = print_json(request, asked, bg_path_json(&path), err);
		if (rc)
			return rc;
	} else {
		bg_path_print(&path);
		bg_live_feed_print(&asked->live);
	}
	if (bg_path_surprise(&path, expected_by(request), surprise))
		return bg_fail(err, -ERANGE, "%s", surprise);
	return 0;
}

static int read_model(const struct request *request, struct asked *asked, struct bg_error *err)
{
	if (!request->live)
		return bg_read_feed(request->feed, &asked->model, err);
	asked->model = bg_live_feed_read(request->pin_dir, &asked->live);
	bg_live_gaps_warn(request->pin_dir);
	return 0;
}

static int explain(struct request *request, struct bg_error *err)
{
	bg_cleanup(release_asked) struct asked asked = {};
	int rc = read_model(request, &asked, err);

	if (rc)
		return rc;
	if (request->from)
		return answer_path(request, &asked, err);
	rc = request->live
		     ? bg_explainer_open_live(request->pin_dir, programs_for(request),
					      &asked.explainer, err)
		     : bg_explainer_open(asked.model, programs_for(request), &asked.explainer, err);
	if (rc)
		return rc;
	if (asked.live.model_is_in_force)
		bg_explainer_know(asked.explainer, asked.model);
	rc = bg_ends_open(asked.explainer, asked.model,
			  request->queries ? BG_ENDS_MANY : BG_ENDS_FEW, &asked.ends, err);
	if (rc)
		return rc;
	if (request->queries)
		return answer_all(request, &asked, err);
	bg_explainer_speak(asked.explainer, &bg_question_options);
	return answer_one(request, &asked, err);
}

int cmd_explain(int argc, char **argv)
{
	static const char *const directions[] = { "ingress", "egress", NULL };
	static const char *const hooks[] = { "tc", "xdp", NULL };
	static const char *const expectations[] = { "allow", "deny", NULL };
	struct request request = { .pin_dir = BG_DEFAULT_PIN_DIR };
	const struct bg_option options[] = {
		{ .name = "feed",
		  .letter = 'f',
		  .type = BG_OPTION_FILE,
		  .value = &request.feed,
		  .argument = "FEED",
		  .help = "by the rules of this feed" },
		{ .name = "live",
		  .letter = 'l',
		  .type = BG_OPTION_FLAG,
		  .value = &request.live,
		  .help = "by what the running datapath has in force; its flows, counters and "
			  "hits are not touched" },
		BG_OPTION_BRANCH(&request.branch, "id, interface or VLAN id"),
		{ .name = "direction",
		  .letter = 'd',
		  .type = BG_OPTION_ENUM,
		  .value = &request.direction,
		  .given = &request.has_direction,
		  .words = directions,
		  .help = "ingress is toward the pod, egress from the pod" },
		{ .name = "protocol",
		  .letter = 'p',
		  .type = BG_OPTION_STRING,
		  .value = &request.protocol,
		  .argument = "PROTOCOL",
		  .help = "tcp, udp, icmp, icmpv6 or a number" },
		{ .name = "remote",
		  .letter = 'r',
		  .type = BG_OPTION_IP,
		  .value = &request.question.remote,
		  .given = &request.has_remote,
		  .argument = "IP",
		  .help = "the other end's address" },
		{ .name = "port",
		  .type = BG_OPTION_U32,
		  .value = &request.port,
		  .given = &request.has_port,
		  .argument = "N",
		  .max = 65535,
		  .help = "destination port (tcp, udp)" },
		{ .name = "icmp-type",
		  .type = BG_OPTION_U32,
		  .value = &request.icmp_type,
		  .given = &request.has_type,
		  .argument = "N",
		  .max = 255,
		  .help = "ICMP type; echo request is 8, in IPv6 128" },
		{ .name = "icmp-code",
		  .type = BG_OPTION_U32,
		  .value = &request.icmp_code,
		  .given = &request.has_code,
		  .argument = "N",
		  .max = 255,
		  .help = "ICMP code (default 0)" },
		{ .name = "local",
		  .type = BG_OPTION_IP,
		  .value = &request.question.local,
		  .given = &request.question.has_local,
		  .argument = "IP",
		  .help = "the pod's address (default: the first of that family)" },
		{ .name = "from",
		  .type = BG_OPTION_STRING,
		  .value = &request.from,
		  .argument = "END",
		  .help = "ask for a whole path: from a pod (name, namespace/name or address), "
			  "\"node\", or any address" },
		{ .name = "to",
		  .type = BG_OPTION_STRING,
		  .value = &request.to,
		  .argument = "END",
		  .help = "the other end, in the same form; each interface that would judge the "
			  "packet is asked" },
		{ .name = "queries",
		  .letter = 'q',
		  .type = BG_OPTION_FILE,
		  .value = &request.queries,
		  .argument = "FILE",
		  .help = "questions from FILE (- is stdin), a JSON object a line: {\"Branch\", "
			  "\"Direction\", \"Protocol\", \"Remote\", \"Port\" | \"IcmpType\", "
			  "\"IcmpCode\", \"Local\", \"Expect\"}, or with \"From\" and \"To\" in the "
			  "place of \"Branch\", \"Direction\", \"Remote\" and \"Local\"; answered "
			  "a line each, in the same order" },
		{ .name = "expect",
		  .type = BG_OPTION_ENUM,
		  .value = &request.expected,
		  .given = &request.has_expected,
		  .words = expectations,
		  .help = "exit with status 1 unless this is the verdict; with --queries, of "
			  "lines without \"Expect\"" },
		{ .name = "hook",
		  .type = BG_OPTION_ENUM,
		  .value = &request.xdp,
		  .words = hooks,
		  .help = "which program judges ingress (default tc); the verdict is the same" },
		BG_OPTION_JSON(&request.json),
		BG_OPTION_PIN_DIR(&request.pin_dir),
		{}
	};
	const struct bg_command command = {
		.verb = "explain",
		.about = "Says whether a packet would pass, and by which rule, or which one is "
			 "missing; at the other end too, where the feed knows its groups. The "
			 "packet is built and given to the BPF program itself in a test run, as "
			 "the first of its flow; nothing is sent or attached.",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (check_usage(&request, &err))
		return bg_cli_misused("explain", &err);
	if (explain(&request, &err) || bg_out_finish(&err))
		return bg_cli_failed("explain", &err);
	return BG_EXIT_DONE;
}
