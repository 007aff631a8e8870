/* Byte loops: copying, comparing, searching, numbers to text and back. */
#include "runtime.h"

static char page[256], other[256];

static int length(const char *s)
{
	const char *p = s;
	while (*p)
		p++;
	return p - s;
}

static char *append(char *to, const char *from)
{
	while ((*to = *from++))
		to++;
	return to;
}

static char *decimal(char *to, long value)
{
	char digits[12];
	int n = 0;
	unsigned long rest = value < 0 ? -(unsigned long)value : value;
	if (value < 0)
		*to++ = '-';
	do
		digits[n++] = '0' + rest % 10;
	while (rest /= 10);
	while (n)
		*to++ = digits[--n];
	*to = 0;
	return to;
}

static long number(const char *s)
{
	long value = 0, minus = *s == '-';
	for (s += minus; *s >= '0' && *s <= '9'; s++)
		value = value * 10 + (*s - '0');
	return minus ? -value : value;
}

static const char *find(const char *in, const char *what)
{
	for (; *in; in++) {
		int i = 0;
		while (what[i] && in[i] == what[i])
			i++;
		if (!what[i])
			return in;
	}
	return 0;
}

static int run(void)
{
	static const long values[] = {0, -1, 42, 65536, -2147483647, 1999999999};
	char *end = page;
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
		char *start = end;
		end = append(decimal(end, values[i]), i & 1 ? "\n" : ", ");
		if (number(start) != values[i])
			return 1;
	}
	for (int i = 0, n = length(page); i <= n; i++)
		other[i] = page[n - 1 - i < 0 ? 0 : n - 1 - i];
	print(page);
	return number(find(page, "42")) == 42 && !find(other, "65536") ? 0 : 2;
}
