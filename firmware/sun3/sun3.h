/* Addresses of a Sun-3 as its monitor sees them; shared by C and assembler.
 * Control space and PTE: NetBSD sun3/include/{control,pte3,enable}.h.  Virtual addresses: Sun's PROMs since
 * 1985 (NetBSD sun3/include/mon.h, Linux asm/openprom.h and arch/m68k/sun3 rely on them). */
#ifndef FW_SUN3_H
#define FW_SUN3_H

/* Control space, function code 3. */
#define CONTROL_FC 3
#define CONTROL_IDPROM 0x00000000
#define CONTROL_PAGE_MAP 0x10000000
#define CONTROL_SEGMENT_MAP 0x20000000
#define CONTROL_CONTEXT 0x30000000
#define CONTROL_ENABLE 0x40000000
#define CONTROL_BUS_ERROR 0x60000000
#define CONTROL_LEDS 0x70000000

#define ENABLE_DIAGNOSTIC 0x01
#define ENABLE_CACHE 0x10
#define ENABLE_DVMA 0x20
#define ENABLE_FPU 0x40
#define ENABLE_NOT_BOOT 0x80

#define BUS_ERROR_INVALID 0x80
#define BUS_ERROR_PROTECTION 0x40
#define BUS_ERROR_TIMEOUT 0x20
#define BUS_ERROR_VME 0x10

#define CONTEXTS 8
#define SEGMENTS 2048
#define SEGMENT_SIZE 0x20000
#define SEGMENT_SHIFT 17
#define PMEG_INVALID 255
#define PAGE_SIZE 0x2000
#define PAGE_SHIFT 13
#define PAGES_PER_SEGMENT 16
#define VA_MASK 0x0FFFFFFF

#define PTE_VALID 0x80000000
#define PTE_WRITE 0x40000000
#define PTE_SYSTEM 0x20000000
#define PTE_NO_CACHE 0x10000000
#define PTE_TYPE_MEMORY 0x00000000
#define PTE_TYPE_OBIO 0x04000000
#define PTE_TYPE_VME16 0x08000000
#define PTE_PAGE_MASK 0x0007FFFF
#define PTE_BITS 0xFF07FFFF

/* The monitor's part of the address space is sixteen segments; segment k of them owns PMEG MONITOR_PMEG + k
 * in every context.  RAM gets PMEG n at segment n below that, which ends the linear map at 29.875 MB. */
#define MONITOR_START 0x0FE00000
#define MONITOR_END 0x10000000
#define MONITOR_PMEG 0xEF
#define MONITOR_SEGMENTS 16
#define DVMA_PMEG (MONITOR_PMEG + 8)

#define VA_KEYBOARD 0x0FE00000 /* SCC: A keyboard, B mouse */
#define VA_SERIAL 0x0FE02000   /* SCC: A ttya, B ttyb */
#define VA_EEPROM 0x0FE04000
#define VA_CLOCK 0x0FE06000 /* Intersil 7170 */
#define VA_MEMORY_ERROR 0x0FE08000
#define VA_INTERRUPT 0x0FE0A000
#define VA_ETHER 0x0FE0C000
#define VA_COLOR_MAP 0x0FE0E000
#define VA_LANCE 0x0FE10000
#define VA_SCSI 0x0FE12000
#define VA_DES 0x0FE14000
#define VA_ECC 0x0FE16000
#define VA_HOST 0x0FE1E000 /* ours: the host boot device */
#define VA_VIDEO 0x0FE20000
#define VA_SCRATCH 0x0FE40000    /* ours: a segment to look at memory through */
#define VA_BOARD (VA_SCRATCH + 4 * PAGE_SIZE) /* ours: the SCSI board that was opened */
#define VA_ETHER_MEMORY (VA_SCRATCH + 5 * PAGE_SIZE) /* ours: the Ethernet chips' page */
#define VA_STACK_PAGE 0x0FEEE000 /* ours: the monitor's stack, right below the ROM */
#define VA_ROM 0x0FEF0000
#define VA_DVMA_ONBOARD 0x0F000000 /* address 0 of masters on board */
#define VA_DVMA 0x0FF00000         /* and of those on the VMEbus */
#define VA_DATA_PAGE 0x0FFFE000 /* vectors and variables; the Ethernet's SCP is in its last 12 bytes */

#define STACK_TOP VA_ROM
#define ROM_PAGES 8
#define VECTORS VA_DATA_PAGE
#define VECTORS_SIZE 0x400

#define INTERRUPT_ENABLE 0x01 /* of the interrupt register: all levels */

#define OBIO_KEYBOARD 0x000000
#define OBIO_SERIAL 0x020000
#define OBIO_EEPROM 0x040000
#define OBIO_CLOCK 0x060000
#define OBIO_MEMORY_ERROR 0x080000
#define OBIO_INTERRUPT 0x0A0000
#define OBIO_ETHER 0x0C0000
#define OBIO_COLOR_MAP 0x0E0000
#define OBIO_ROM 0x100000
#define OBIO_LANCE 0x120000
#define OBIO_SCSI 0x140000
#define OBIO_DES 0x1C0000
#define OBIO_ECC 0x1E0000
#define OBIO_HOST 0x1F0000
#define VME_SCSI 0xFF200000 /* first SCSI board, A24; the second lies above it */
#define VME_SCSI_STEP 0x4000
#define MEMORY_VIDEO 0xFF000000 /* bwtwo of the 3/160 and 3/60, memory space */

/* What the LEDs show while the machine comes up (a lit LED is a 0 bit; setleds() inverts). */
#define LED_RESET 0x01
#define LED_FIRST_MEMORY 0x02
#define LED_MMU 0x03
#define LED_SIZE 0x04
#define LED_MAPS 0x05
#define LED_MEMORY 0x06
#define LED_DEVICES 0x07
#define LED_READY 0x00
#define LED_NO_MEMORY 0x82 /* the machine stops with these */

#define SR_SUPERVISOR 0x2000
#define SR_MASKED 0x2700

#endif
