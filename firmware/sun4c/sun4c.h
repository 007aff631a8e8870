/* Addresses of a Sun-4/75 as its firmware sees them; shared by C and assembler.
 * Control space, PTE, devices: NetBSD sparc/include/{ctlreg,pte,bsd_openprom}.h, sparc/dev; physical addresses:
 * docs/machines/sun4c.md. */
#ifndef FW_SUN4C_H
#define FW_SUN4C_H

/* Address spaces. */
#define ASI_CONTROL 2
#define ASI_SEGMENT_MAP 3
#define ASI_PAGE_MAP 4
#define ASI_SUPERVISOR_DATA 11

/* Control space. */
#define CONTROL_CONTEXT 0x30000000
#define CONTROL_ENABLE 0x40000000
#define CONTROL_SYNC_ERROR 0x60000000
#define CONTROL_SYNC_ADDRESS 0x60000004
#define CONTROL_ASYNC_ERROR 0x60000008
#define CONTROL_ASYNC_ADDRESS 0x6000000C

#define ENABLE_RESET 0x04
#define ENABLE_CACHE 0x10
#define ENABLE_DVMA 0x20
#define ENABLE_NOT_BOOT 0x80

#define ERROR_WRITE 0x8000
#define ERROR_INVALID 0x80
#define ERROR_PROTECTION 0x40
#define ERROR_TIMEOUT 0x20
#define ERROR_SBUS 0x10
#define ERROR_MEMORY 0x08
#define ERROR_SIZE 0x02
#define ERROR_WATCHDOG 0x01

#define PSR_CARRY 0x00100000
#define PSR_EF 0x00001000
#define PSR_PIL 0x00000F00
#define PSR_S 0x00000080
#define PSR_PS 0x00000040
#define PSR_ET 0x00000020
#define PSR_CWP 0x0000001F
#define WINDOWS 8

#define CONTEXTS 16
#define SEGMENT_SIZE 0x40000
#define SEGMENT_SHIFT 18
#define SPACE_HALF 0x20000000 /* addresses below it and from its negative on exist */
#define PAGE_SIZE 0x1000
#define PAGE_SHIFT 12
#define PAGES_PER_SEGMENT 64
#define PMEGS 256
#define PMEG_INVALID 255

#define PTE_VALID 0x80000000
#define PTE_WRITE 0x40000000
#define PTE_SYSTEM 0x20000000
#define PTE_NO_CACHE 0x10000000
#define PTE_TYPE_MEMORY 0x00000000
#define PTE_TYPE_OBIO 0x04000000
#define PTE_TYPE_MASK 0x0C000000
#define PTE_PAGE_MASK 0x0000FFFF
#define PTE_BITS 0xFC00FFFF /* what every implementation keeps, without accessed and modified */

/* The firmware's part of the address space: twelve segments, segment k of them with PMEG MONITOR_PMEG + k in
 * every context: eight for the firmware, four for DVMA. RAM gets PMEG n at segment n below that. */
#define MONITOR_START 0xFFD00000
#define MONITOR_SEGMENTS 12
#define MONITOR_PMEG 0xF3
#define DVMA_START 0xFFF00000

#define VA_KEYBOARD 0xFFD00000
#define VA_SERIAL 0xFFD02000
#define VA_NVRAM 0xFFD04000
#define VA_COUNTER 0xFFD06000
#define VA_MEMORY_ERROR 0xFFD08000
#define VA_INTERRUPT 0xFFD0A000
#define VA_AUXILIARY 0xFFD0C000
#define VA_HOST 0xFFD0E000 /* ours: the host boot device, two pages */
#define VA_DMA 0xFFD10000
#define VA_ESP 0xFFD12000
#define VA_LE 0xFFD14000
#define VA_SCRATCH 0xFFD40000 /* ours: a segment to look at maps and memory through */
#define VA_MAP 0xFFD80000     /* what the ROM vector's mmap and malloc hand out: a megabyte */
#define MAP_SIZE 0x100000
#define VA_ROM 0xFFE80000 /* a multiple of 256 KB: the boot state fetches from it at any address */
#define ROM_SIZE 0x20000
#define VA_DATA 0xFFEC0000 /* our variables, then our stacks; at the top of RAM */
#define DATA_PAGES 16
#define DATA_END (VA_DATA + DATA_PAGES * PAGE_SIZE)
#define VA_ETHER_MEMORY DVMA_START /* ours while we use the Ethernet: two pages below the others */
#define ETHER_MEMORY 0x2000
#define VA_ESP_MEMORY (DVMA_START + ETHER_MEMORY) /* likewise the disks' */
#define ESP_MEMORY 0x4000

#define TICK_STACK_SIZE 0x1000
#define STACK_TOP DATA_END
#define STACK_SIZE 0x5000
#define TICK_STACK_TOP (STACK_TOP - STACK_SIZE)

#define TRAP_TABLE VA_ROM
#define ROM_VECTOR (VA_ROM + 0x1000)

#define OBIO_KEYBOARD 0x0000000
#define OBIO_SERIAL 0x1000000
#define OBIO_NVRAM 0x2000000
#define OBIO_COUNTER 0x3000000
#define OBIO_MEMORY_ERROR 0x4000000
#define OBIO_INTERRUPT 0x5000000
#define OBIO_ROM 0x6000000
#define OBIO_AUXILIARY 0x7400000
#define OBIO_HOST 0x7F00000
#define OBIO_DMA 0x8400000
#define OBIO_ESP 0x8800000
#define OBIO_LE 0x8C00000

#define INTERRUPT_ENABLE 0x01
#define INTERRUPT_LEVEL10 0x20
#define INTERRUPT_LEVEL14 0x80

/* Trap types (V7/V8 manual, table 7-1); `ta n` is 0x80 + n. */
#define TRAP_FETCH 0x01
#define TRAP_WINDOW_OVERFLOW 0x05
#define TRAP_WINDOW_UNDERFLOW 0x06
#define TRAP_ALIGNMENT 0x07
#define TRAP_DATA 0x09
#define TRAP_INTERRUPT 0x10
#define TRAP_LEVEL14 0x1E
#define TRAP_LEVEL15 0x1F
#define TRAP_BREAKPOINT 0x81
#define TRAP_DIVISION 0x82
#define TRAP_FLUSH_WINDOWS 0x83
#define TRAP_CLEAN_WINDOWS 0x84
#define TRAP_LINUX 0x90
#define TRAP_ENTER 0x100 /* none of the processor's: a call of the ROM vector's abort */
#define TRAP_BAD_STACK 0x101 /* a window had to be saved or loaded, and its stack pointer leads nowhere */

/* struct state of trap.h, for the assembler. */
#define STATE_PSR 0
#define STATE_PC 4
#define STATE_NPC 8
#define STATE_WIM 12
#define STATE_TBR 16
#define STATE_Y 20
#define STATE_TRAP 24
#define STATE_GLOBALS 32 /* g0 is not used */
#define STATE_WINDOWS 64
#define WINDOW_BYTES 64
#define STATE_SIZE (STATE_WINDOWS + WINDOWS * WINDOW_BYTES)

#endif
