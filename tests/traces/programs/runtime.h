/* The least that a program needs: an entry, exit, output of text and hexadecimal numbers. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

static inline int call3(int number, int a, int b, int c)
{
#ifdef __sparc__
	register int g1 __asm__("g1") = number, o0 __asm__("o0") = a, o1 __asm__("o1") = b, o2 __asm__("o2") = c;
	__asm__ volatile("ta 0x10" : "+r"(o0) : "r"(g1), "r"(o1), "r"(o2) : "memory");
	return o0;
#else
	register int d0 __asm__("d0") = number, d1 __asm__("d1") = a, d2 __asm__("d2") = b, d3 __asm__("d3") = c;
	__asm__ volatile("trap #0" : "+d"(d0) : "d"(d1), "d"(d2), "d"(d3) : "memory");
	return d0;
#endif
}

static void print(const char *text)
{
	int n = 0;
	while (text[n])
		n++;
	call3(4, 1, (int)text, n);
}

static inline void print_hex(u32 value)
{
	char line[10];
	for (int i = 0; i < 8; i++)
		line[i] = "0123456789abcdef"[value >> 28 - 4 * i & 15];
	line[8] = '\n';
	line[9] = 0;
	print(line);
}

#ifdef __sparc__
/* Debian's libgcc is for a V9. */
u64 __ashldi3(u64 value, int n)
{
	u32 high = value >> 32, low = value;
	return n & 32 ? (u64)(low << (n & 31)) << 32 : n ? (u64)(high << n | low >> 32 - n) << 32 | low << n : value;
}

u64 __lshrdi3(u64 value, int n)
{
	u32 high = value >> 32, low = value;
	return n & 32 ? high >> (n & 31) : n ? (u64)(high >> n) << 32 | (high << 32 - n | low >> n) : value;
}
#endif

static int run(void);

void start(void) __asm__("_start");
void start(void)
{
	int status = run();
	for (;;)
		call3(1, status, 0, 0);
}
