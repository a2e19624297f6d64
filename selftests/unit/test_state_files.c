// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The files in /run/branchguard as verbs and the next daemon read them: what somebody else put
 * there, what is cut, what does not come, and what is JSON of quite another kind.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pinned/held_file.h"
#include "pinned/state_file.h"
#include "scratch.h"
#include "show/health.h"
#include "show/status.h"
#include "showing.h"
#include "test.h"

#define PIN_DIR "/sys/fs/bpf/a-directory-that-is-not-there"

/* --- a directory in the place of /run/branchguard -------------------------------- */

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	const size_t length = strlen(BG_STATE_DIR);
	mode_t mode;
	va_list list;

	va_start(list, flags);
	mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
	va_end(list);
	if (!strncmp(path, BG_STATE_DIR "/", length + 1))
		path += length + 1; /* the scratch directory is the current one */
	return __real_open(path, flags, mode);
}

/* How reading goes on: so many bytes at once, and then this error, or the end. */
static struct {
	size_t most, until;
	int error;
	unsigned int interrupts;
} reading;

ssize_t __wrap_read(int fd, void *bytes, size_t count);
ssize_t __real_read(int fd, void *bytes, size_t count);
ssize_t __wrap_read(int fd, void *bytes, size_t count)
{
	ssize_t got;

	if (!reading.most)
		return __real_read(fd, bytes, count);
	if (reading.interrupts) {
		reading.interrupts--;
		errno = EINTR;
		return -1;
	}
	if (!reading.until) {
		errno = reading.error;
		return reading.error ? -1 : 0;
	}
	count = count < reading.most ? count : reading.most;
	got = __real_read(fd, bytes, count < reading.until ? count : reading.until);
	reading.until -= got > 0 ? (size_t)got : 0;
	return got;
}

static const char *file_of(const char *kind)
{
	static char path[BG_STATE_PATH_BYTES];

	bg_state_file_path(PIN_DIR, kind, path);
	return path + strlen(BG_STATE_DIR) + 1;
}

static void write_file(const char *kind, const char *text, size_t length_bytes)
{
	int fd;

	unlink(file_of(kind));
	fd = open(file_of(kind), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length_bytes), length_bytes);
	close(fd);
}

/* Is there a document? NULL: none, of which one knows. */
static json_t *document_there(void)
{
	struct bg_error err = {};
	json_t *document;

	if (bg_state_read(PIN_DIR, &document, &err))
		fail_msg("%s", err.text);
	return document;
}

/* --- whose file it is, and of which kind ----------------------------------------- */

static void make_pipe(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void make_link(const char *path)
{
	assert_int_equal(symlink("elsewhere", path), 0);
}

static void make_directory(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void let_others_write(const char *path)
{
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	assert_int_equal(chmod(path, 0622), 0);
}

/* All holes: it costs nothing to have, and all the memory to read. */
static void make_large(const char *path)
{
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	assert_int_equal(truncate(path, 1LL << 40), 0);
}

static void give_away(const char *path)
{
	assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
	/* who is not root cannot, and sees a file of nobody's that is empty */
	if (chown(path, 12345, 12345))
		assert_int_not_equal(geteuid(), 0);
}

static void make_nothing(const char *path)
{
	(void)path;
}

static const struct {
	void (*make)(const char *path);
	const char *says; /* of the file of what is held */
	bool needs_root;
} strange[] = {
	{ make_nothing, "No such file", false },
	{ make_pipe, "others may have written", false },
	{ make_link, "Too many levels of symbolic links", false },
	{ make_directory, "others may have written", false },
	{ let_others_write, "others may have written", false },
	{ make_large, "found 1099511627776 bytes", false },
	{ give_away, "others may have written", true },
};

/* Neither waited for, nor followed, nor believed. */
static void what_is_no_file_of_a_daemon_is_none(void **state)
{
	static const char *const kinds[] = { BG_STATE_KIND, BG_HELD_KIND };

	(void)state;
	unlink("elsewhere");
	assert_int_equal(mknod("elsewhere", S_IFREG | 0600, 0), 0);
	alarm(60);
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			size_t length_bytes = 7;
			struct bg_error err = {};
			char *text = NULL;

			if (strange[i].needs_root && geteuid())
				continue;
			remove(file_of(kinds[k]));
			strange[i].make(file_of(kinds[k]));
			if (!k) {
				assert_null(document_there());
			} else {
				assert_true(bg_state_file_read(PIN_DIR, kinds[k], 1 << 20, &text,
							       &length_bytes, &err) < 0);
				if (!strstr(err.text, strange[i].says))
					fail_msg("%zu: it says '%s'", i, err.text);
				assert_null(text);
				assert_int_equal(length_bytes, 7);
			}
			remove(file_of(kinds[k]));
		}
	}
	alarm(0);
}

/* --- bytes that do not come ------------------------------------------------------- */

static void what_is_held_is_read_whole_or_not(void **state)
{
	static const struct {
		size_t most, until;
		int error;
		unsigned int interrupts;
		int rc;
	} rows[] = {
		{ 1, 1000, 0, 0, 0 },
		{ 3, 1000, 0, 5, 0 },
		/* somebody cut it while it was read */
		{ 4, 4, 0, 0, -EIO },
		{ 1, 0, 0, 0, -EIO },
		{ 4, 8, EIO, 1, -EIO },
		{ 4, 8, EAGAIN, 0, -EAGAIN },
		{ 4, 8, ESTALE, 0, -ESTALE },
	};
	static const char written[] = "what is in force";

	(void)state;
	write_file(BG_HELD_KIND, written, sizeof(written) - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bg_error err = {};
		size_t length_bytes = 0;
		char *text = NULL;
		int rc;

		reading.most = rows[i].most;
		reading.until = rows[i].until;
		reading.error = rows[i].error;
		reading.interrupts = rows[i].interrupts;
		rc = bg_state_file_read(PIN_DIR, BG_HELD_KIND, 1 << 20, &text, &length_bytes, &err);
		reading.most = 0;
		if (rc != rows[i].rc)
			fail_msg("row %zu: %d, '%s'", i, rc, err.text);
		if (rc) {
			assert_non_null(strstr(err.text, "reading " BG_STATE_DIR "/"));
			assert_null(text);
		} else {
			assert_int_equal(length_bytes, sizeof(written) - 1);
			assert_memory_equal(text, written, length_bytes);
		}
		free(text);
	}
}

/* --- a state ---------------------------------------------------------------------- */

/* clang-format off */
static const char whole[] =
	"{\"PinDir\": \"" PIN_DIR "\", \"Feed\": \"/etc/feed.json\", \"Pid\": 7, \"StartedNs\": 1,"
	" \"LastAccepted\": {\"Revision\": 42, \"FeedRevision\": \"r\", \"TimeNs\": 2, \"WarningCount\": 1,"
	"  \"Warnings\": [{\"Pointer\": \"/a\", \"Line\": 1, \"Column\": 2, \"Text\": \"w\"}]},"
	" \"LastRefused\": {\"Error\": \"e\", \"TimeNs\": 3, \"SinceNs\": 3, \"ErrorCount\": 1,"
	"  \"Errors\": [{\"Pointer\": \"/b\", \"Line\": 1, \"Column\": 2, \"Text\": \"x\"}]},"
	" \"Kept\": [{\"Kind\": \"branch\", \"Id\": \"eni-1\", \"SinceNs\": 4}],"
	" \"LeftOut\": [{\"Pointer\": \"/Branches/0\", \"What\": \"branch\"}],"
	" \"Interfaces\": [{\"Interface\": \"eth0\", \"Text\": \"t\", \"Open\": true, \"SinceNs\": 5}],"
	" \"Listeners\": 1, \"EventsLostByListeners\": 2,"
	" \"ListenerLosses\": {\"Count\": 1, \"SinceNs\": 6, \"LastNs\": 7}}";
/* clang-format on */

static void a_state_that_was_cut_is_none(void **state)
{
	json_t *document;

	(void)state;
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		write_file(BG_STATE_KIND, whole, i);
		if (document_there())
			fail_msg("%zu bytes of %zu are taken", i, sizeof(whole) - 1);
	}
	write_file(BG_STATE_KIND, whole, sizeof(whole) - 1);
	document = document_there();
	assert_int_equal(json_integer_value(json_object_get(document, "Pid")), 7);
	json_decref(document);
}

static void nested_without_end(void **state)
{
	static char text[1 << 20];

	(void)state;
	memset(text, '[', sizeof(text));
	write_file(BG_STATE_KIND, text, sizeof(text));
	assert_null(document_there());
	write_file(BG_STATE_KIND, "{\"Pid\": 1, \"Pid\": \0", 19);
	assert_null(document_there());
	write_file(BG_STATE_KIND, "{\"Feed\": \"\xff\xfe\"}", 13);
	assert_null(document_there());
}

/* No byte that a terminal takes for more than a letter; none of C1, either. */
static void must_be_lines(const char *text, const char *what)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if ((*c < ' ' && *c != '\n') || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			fail_msg("with %s a terminal gets %#x: %s", what, *c, text);
}

/* All that is printed of a state. */
static void show(json_t *document, const char *what)
{
	struct bg_branch_status branch = { .row = some_branch(), .ifindex_now = 14 };
	struct bg_status status = {
		.control = { .abi = BG_ABI, .revision = 42, .feed_revision = "r" },
		.pulse = { .pid = 7, .beat_ns = 1, .feed_refused = 1 },
		.daemon_runs = true,
		.now_boottime_ns = 10000000000,
		.branches = &branch,
		.branch_count = 1,
		.flow_capacity = 1000,
		.fragment_capacity = 100,
		.has_image = true,
		.state = document,
	};
	struct bg_cause *causes = NULL;
	struct bg_health health = {};
	struct bg_look look = {};
	struct memory memory;
	size_t count = 0;
	json_t *json;

	open_memory(&memory);
	assert_int_equal(bg_status_print(memory.out, &status), 0);
	bg_metrics_print(memory.out, &status, &(struct bg_build){ "0.2.0", "abcdef" });
	bg_health_judge(&status, &look, NULL, &health);
	bg_health_print(memory.out, &health, status.now_boottime_ns);
	fclose(memory.out);
	must_be_lines(memory.printed, what);
	free(memory.printed);
	json = bg_status_json(&status);
	assert_non_null(json);
	json_decref(json);
	assert_int_equal(bg_status_causes(&status, &causes, &count), 0);
	free(causes);
}

/* What the next daemon takes of it, and what it makes of that. */
static void restore(const json_t *document, const char *what)
{
	char *text = json_dumps(document, JSON_ENCODE_ANY), *again;
	struct bg_state *state = bg_state_new(PIN_DIR, "feed");
	json_t *read;

	assert_true(text && state);
	bg_state_restore(state, text, strlen(text));
	bg_state_clear_interfaces(state);
	bg_state_add_interface(state, "eth0", "t", true);
	bg_state_has_changed(state);
	again = bg_state_text(state);
	assert_non_null(again);
	read = json_loads(again, 0, NULL);
	if (json_array_size(json_object_get(read, "Interfaces")) != 1)
		fail_msg("with %s it writes %s", what, again);
	json_decref(read);
	free(again);
	free(text);
	bg_state_free(state);
}

static json_t *values;

static void try_all(json_t *document, json_t *in, const char *key, size_t index)
{
	json_t *was = key ? json_object_get(in, key) : json_array_get(in, index), *value;
	size_t i;

	json_incref(was);
	json_array_foreach (values, i, value) {
		char what[64];

		snprintf(what, sizeof(what), "%s %zu, value %zu", key ? key : "entry", index, i);
		if (key)
			json_object_set(in, key, value);
		else
			json_array_set(in, index, value);
		show(document, what);
		restore(document, what);
	}
	if (key)
		json_object_set_new(in, key, was);
	else
		json_array_set_new(in, index, was);
}

/* Each value of the document in turn is any of those. */
static void try_everywhere(json_t *document, json_t *in)
{
	const char *key;
	json_t *value;
	size_t index;

	if (json_is_object(in)) {
		void *next;

		json_object_foreach_safe (in, next, key, value) {
			try_everywhere(document, value);
			try_all(document, in, key, 0);
		}
		return;
	}
	json_array_foreach (in, index, value) {
		try_everywhere(document, value);
		try_all(document, in, NULL, index);
	}
}

static void json_of_quite_another_kind(void **state)
{
	json_t *document = json_loads(whole, 0, NULL), *value;
	size_t i;

	(void)state;
	values = json_loads("[null, true, -1, 0, 9223372036854775807, -9223372036854775808, 1e308,"
			    " \"\", \"\\u001b[2J\\u009b\\n\\u0000\", [], {}, [null], [[]], [{}, 1],"
			    " {\"Text\": 1}]",
			    JSON_ALLOW_NUL, NULL);
	assert_true(document && values);
	try_everywhere(document, document);
	json_array_foreach (values, i, value) {
		show(value, "any document");
		restore(value, "any document");
	}
	json_decref(document);
	json_decref(values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_file_of_a_daemon_is_none),
		cmocka_unit_test(what_is_held_is_read_whole_or_not),
		cmocka_unit_test(a_state_that_was_cut_is_none),
		cmocka_unit_test(nested_without_end),
		cmocka_unit_test(json_of_quite_another_kind),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
