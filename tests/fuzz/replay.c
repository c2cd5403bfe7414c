// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Runs a fuzz target over files and the files in directories: the corpora, for
 * compilers that have no libFuzzer.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned count;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t len, room = 1 << 20;
	uint8_t *data = malloc(room);

	if (!f || !data) {
		perror(path);
		exit(1);
	}
	len = fread(data, 1, room, f);
	fclose(f);
	data = realloc(data, len ? len : 1);
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	count++;
}

static void run_dir(const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort);

	if (n < 0) {
		perror(path);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			run_file(file);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (!stat(argv[i], &st) && S_ISDIR(st.st_mode))
			run_dir(argv[i]);
		else
			run_file(argv[i]);
	}
	printf("%u inputs\n", count);
	return count ? 0 : 1;
}
