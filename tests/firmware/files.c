/* What an ordinary C program asks of the system; under qemu-m68k and on the machine it prints the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void show(const char *what, const struct stat *s)
{
    printf("%s: mode %o size %lld links %u mtime %lld\n", what, s->st_mode, (long long)s->st_size,
           (unsigned)s->st_nlink, (long long)s->st_mtime);
}

static void say(const char *what, int result)
{
    printf("%s %d %s\n", what, result, result < 0 ? strerror(errno) : "");
}

static void files(void)
{
    struct stat s;
    char text[64];
    struct iovec out[2] = {{"first ", 6}, {"second\n", 7}};
    FILE *f = fopen("made", "w+");

    fprintf(f, "%s %d %.3f\n", "text", 42, 2.5);
    fseek(f, 5, SEEK_SET);
    printf("fgets %s", fgets(text, sizeof text, f));
    fclose(f);
    say("none", stat("none", &s));
    say("stat", stat("input", &s));
    show("input", &s);
    say("lstat", lstat("input", &s));
    show("input", &s);
    int fd = open("made", O_RDWR | O_APPEND);
    printf("writev %d\n", (int)writev(fd, out, 2));
    printf("lseek %lld\n", (long long)lseek(fd, -7, SEEK_END));
    int n = (int)read(fd, text, sizeof text);
    printf("read %d %.6s\n", n, text);
    say("at the end", (int)read(fd, text, sizeof text));
    say("ftruncate", ftruncate(fd, 3));
    say("fstat", fstat(fd, &s));
    printf("size %d terminal %d\n", (int)s.st_size, isatty(fd));
    say("close", close(fd));
    say("again", close(fd));
    say("rename", rename("made", "other"));
    say("new name", access("other", R_OK | W_OK));
    say("old name", access("made", F_OK));
    say("unlink", unlink("other"));
    say("again", unlink("other"));
    say("folder", open("sub", O_RDONLY | O_DIRECTORY) > 2);
    say("write it", open("sub", O_WRONLY));
    say("bad address", (int)syscall(SYS_open, 1, 0));
}

static void memory(void)
{
    long page = sysconf(_SC_PAGESIZE);
    char *a = mmap(0, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *b = mmap(0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *big[8];

    memset(a, 1, 3 * page);
    printf("mmap zero %d apart %d aligned %d\n", b[0], b + page <= a || b >= a + 3 * page,
           (int)((long)a % page));
    char *fixed = mmap(a + page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("fixed %d zero %d around %d %d\n", fixed == a + page, fixed[0], a[page - 1], a[2 * page]);
    printf("mprotect %d munmap %d %d\n", mprotect(a, page, PROT_READ), munmap(a, 3 * page), munmap(b, page));
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++)
            memset(big[i] = malloc(500000 + 100000 * i), i, 500000);
        big[3] = realloc(big[3], 2000000);
        printf("malloc %d %d", big[3][499999], big[7][0]);
        for (int i = 0; i < 8; i++)
            free(big[i]);
    }
    printf("\n");
}

static void others(int argc, char **argv)
{
    struct utsname name;
    struct timespec t, u;
    struct sigaction action = {.sa_handler = SIG_IGN};
    char link[256], *end = strrchr(argv[0], '/');

    printf("argc %d %s|%s\n", argc, argv[1], argv[2]);
    uname(&name);
    printf("uname %s %s\n", name.sysname, name.machine);
    clock_gettime(CLOCK_MONOTONIC, &t);
    clock_gettime(CLOCK_MONOTONIC, &u);
    printf("time goes on %d %d\n", u.tv_sec > t.tv_sec || u.tv_nsec >= t.tv_nsec || u.tv_sec == t.tv_sec + 1,
           time(0) > 500000000);
    printf("signals %d\n", sigaction(SIGPIPE, &action, 0));
    long n = readlink("/proc/self/exe", link, sizeof link - 1);
    link[n > 0 ? n : 0] = 0;
    printf("own name %d\n", link[0] == '/' && strstr(link, end ? end + 1 : argv[0]) != 0);
    printf("libm %.17g %.17g %a\n", sin(1e3), pow(1.0001, 12345), exp(-1.5));
}

static int in_order(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
    char text[100];
    int numbers[] = {5, -3, 9, 0}, c;

    files();
    memory();
    others(argc, argv);
    qsort(numbers, 4, sizeof *numbers, in_order);
    printf("qsort %d %d\n", numbers[0], numbers[3]);
    printf("stdin %s", fgets(text, sizeof text, stdin));
    printf("scanf %d", scanf("%d", &numbers[0]));
    printf(" %d\n", numbers[0]);
    while ((c = getchar()) != EOF)
        putchar(c);
    printf("end %d\n", feof(stdin) != 0);
    fprintf(stderr, "to stderr\n");
    if (argc > 3)
        abort();
    exit(77);
}
