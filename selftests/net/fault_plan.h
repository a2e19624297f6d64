/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which calls shall fail, by the file that fault.c describes, and what is noted of them. */
#ifndef BG_SELFTESTS_NET_FAULT_PLAN_H
#define BG_SELFTESTS_NET_FAULT_PLAN_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "call_site.h"

#define MOST_RULES 4
#define MOST_WAYS 16
#define MOST_SITES 1024

/* --- places ------------------------------------------------------------------ */

struct sites {
	struct {
		char call[32], site[SITE_TEXT];
	} known[MOST_SITES];
	int count;
};

static struct sites seen, failed;

static bool knows_site(const struct sites *sites, const char *call, const char *site)
{
	for (int i = 0; i < sites->count; i++)
		if (!strcmp(sites->known[i].site, site) && !strcmp(sites->known[i].call, call))
			return true;
	return false;
}

static void add_site(struct sites *sites, const char *call, const char *site)
{
	if (sites->count == MOST_SITES)
		abort();
	snprintf(sites->known[sites->count].call, sizeof(sites->known[0].call), "%s", call);
	snprintf(sites->known[sites->count++].site, SITE_TEXT, "%s", site);
}

static void append(const char *path, const char *suffix, int flags, const char *line)
{
	char name[4096];
	int fd;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC | flags, 0600);
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line))
		abort();
	close(fd);
}

static void note_site(const char *path, const char *call, const char *site)
{
	char line[128];

	if (!path || knows_site(&seen, call, site))
		return;
	add_site(&seen, call, site);
	snprintf(line, sizeof(line), "%s %s\n", call, site);
	append(path, ".sites", 0, line);
}

/* Those of FILE.hits; how many there are. */
static unsigned int read_failed(const char *path)
{
	char name[4096], call[32], site[SITE_TEXT];
	unsigned int hits = 0;
	FILE *file;

	failed.count = 0;
	snprintf(name, sizeof(name), "%s.hits", path);
	file = fopen(name, "re");
	for (; file && fscanf(file, "%31s %*s %63s", call, site) == 2; hits++) // NOLINT
		if (!knows_site(&failed, call, site))
			add_site(&failed, call, site);
	if (file)
		fclose(file);
	return hits;
}

/* --- what shall fail ------------------------------------------------------- */

struct rule {
	char call[32];
	char list[160];
	const char *way[MOST_WAYS];
	unsigned int ways, first, step, count;
	unsigned int calls, hits;
	bool each; /* place, once */
};

static struct {
	struct timespec changed;
	ino_t inode;
	struct rule rule[MOST_RULES];
	int rules;
} plan;

static bool read_rule(const char *line, struct rule *rule)
{
	char *rest;

	rule->first = rule->step = 1;
	if (sscanf(line, "%31s %159s %u %u %u", rule->call, rule->list, &rule->first, // NOLINT
		   &rule->step, &rule->count) < 2 ||
	    !rule->first || !rule->step)
		return false;
	rule->each = strlen(line) > 5 && !strcmp(line + strlen(line) - 5, " each");
	for (char *way = strtok_r(rule->list, ",", &rest); way && rule->ways < MOST_WAYS;
	     way = strtok_r(NULL, ",", &rest))
		rule->way[rule->ways++] = way;
	return true;
}

static void read_plan(const char *path, const struct stat *is, int fd)
{
	char text[1024] = "", *rest;

	memset(&plan, 0, sizeof(plan));
	plan.inode = is->st_ino;
	plan.changed = is->st_mtim;
	/* a small file; and the processes beside the daemon have read() alone */
	if (read(fd, text, sizeof(text) - 1) < 0) // NOLINT
		abort();
	for (const char *line = strtok_r(text, "\n", &rest); line && plan.rules < MOST_RULES;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct rule *rule = &plan.rule[plan.rules++];

		if (!read_rule(line, rule)) {
			fprintf(stderr, "fault: %s: what is %s?\n", path, line);
			abort();
		}
		if (rule->each)
			rule->hits = read_failed(path);
	}
}

static bool have_plan(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat is;

	if (fd < 0)
		return false;
	if (!fstat(fd, &is) &&
	    (is.st_ino != plan.inode || is.st_mtim.tv_nsec != plan.changed.tv_nsec ||
	     is.st_mtim.tv_sec != plan.changed.tv_sec))
		read_plan(path, &is, fd);
	close(fd);
	return true;
}

/* In one of the processes beside the daemon, which begin with its name. */
static bool is_beside(void)
{
	return strchr(program_invocation_short_name, '-');
}

static bool is_hit(struct rule *rule, const char *call, const char *site)
{
	if (strcmp(call, rule->call) != 0 && (strcmp(rule->call, "any") != 0 || is_beside()))
		return false;
	if (rule->each)
		return !knows_site(&failed, call, site);
	rule->calls++;
	return rule->calls >= rule->first && (rule->calls - rule->first) % rule->step == 0 &&
	       (!rule->count || rule->hits < rule->count);
}

static const char *judge(const char *path, const char *call)
{
	int rules = have_plan(path) ? plan.rules : 0;
	const char *how = NULL;
	char site[SITE_TEXT], line[128];

	site_of_call(site);
	note_site(path, call, site);
	for (int i = 0; i < rules && !how; i++) {
		struct rule *rule = &plan.rule[i];

		if (is_hit(rule, call, site))
			how = rule->way[rule->hits++ % rule->ways];
	}
	if (!how)
		return NULL;
	if (!knows_site(&failed, call, site))
		add_site(&failed, call, site);
	snprintf(line, sizeof(line), "%s %s %s\n", call, how, site);
	append(path, ".hits", O_CREAT, line);
	return how;
}

static bool begins_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static void sleep_ms(unsigned long ms)
{
	struct timespec left = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* How this call shall fail; NULL: not at all. errno stays as it is. */
static const char *failure_of(const char *call)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const char *path = getenv("BG_FAULT_FILE"), *how = NULL;
	int before = errno;

	pthread_mutex_lock(&lock);
	how = judge(path, call);
	pthread_mutex_unlock(&lock);
	if (how && !strcmp(how, "kill"))
		kill(getpid(), SIGKILL);
	if (how && begins_with(how, "wait-")) {
		sleep_ms(strtoul(how + strlen("wait-"), NULL, 10));
		how = NULL;
	}
	errno = before;
	return how;
}

static int number_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "EINTR", EINTR },   { "EBUSY", EBUSY },   { "ENOBUFS", ENOBUFS },
		{ "ENOMEM", ENOMEM }, { "EAGAIN", EAGAIN }, { "EMFILE", EMFILE },
		{ "ENOSPC", ENOSPC },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].number;
	fprintf(stderr, "fault: what is %s?\n", name);
	abort();
}

#endif
