# Boot sector of the tiny guest: reads the kernel and its ramdisk from fixed
# places on the disk and starts them by Linux's 16-bit boot protocol. It knows no
# file system and no menu: an emulated guest starts seconds sooner than by a
# general boot loader.
#
# The kernel's header is filled in when the image is built. Given as symbols:
# LOW_SECTORS (the kernel's real-mode part and command line), KERNEL_SECTORS,
# RAMDISK_SECTORS, RAMDISK_TARGET. On the disk they follow this sector, in order.

.intel_syntax noprefix
.code16
.globl start

.set BUFFER, 0x20000            # to 0x90000, below the BIOS's own data
.set BUFFER_SECTORS, 127        # the most that every BIOS reads at once
.set LOW_SEGMENT, 0x1000
.set STACK_TOP, 0xe000          # in LOW_SEGMENT; the command line starts there

start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    sti
    cld
    mov [drive], dl
    in al, 0x92                 # address line 20 on
    or al, 2
    and al, 0xfe
    out 0x92, al
    mov si, offset parts

read:
    mov eax, [si + 4]           # sectors left of this part
    test eax, eax
    jz part_done
    cmp eax, BUFFER_SECTORS
    jbe fits
    mov eax, BUFFER_SECTORS
fits:
    mov [packet_count], ax
    mov ebx, [si]
    mov [packet_sector], ebx
    mov edi, [si + 8]
    mov ecx, eax
    shl ecx, 7                  # in units of four bytes
    add [si], eax
    sub [si + 4], eax
    shl eax, 9
    add [si + 8], eax
    push si
    push ecx
    push edi
    mov si, offset packet
    mov dl, [drive]
    mov ah, 0x42
    int 0x13
    jc failed
    pop edi
    pop ecx
    call copy_up
    pop si
    jmp read
part_done:
    add si, 12
    cmp si, offset parts_end
    jb read

    cli
    mov ax, LOW_SEGMENT
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov sp, STACK_TOP
    .byte 0xea                  # far jump to the kernel's entry
    .word 0, LOW_SEGMENT + 0x20

# Copies ecx times four bytes from the buffer to the address edi, wherever in
# memory that is: the segments are given 4 GiB while protection is on.
copy_up:
    cli
    lgdt [table_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp protected
protected:
    mov bx, 8
    mov ds, bx
    mov es, bx
    mov esi, BUFFER
    rep movs dword ptr es:[edi], dword ptr ds:[esi]
    and al, 0xfe
    mov cr0, eax
    jmp real
real:
    xor bx, bx
    mov ds, bx
    mov es, bx
    sti
    ret

failed:
    mov si, offset message
next_letter:
    lodsb
    test al, al
    jz halted
    mov dx, 0x3f8               # to the serial port, and to the screen
    out dx, al
    mov ah, 0x0e
    xor bx, bx
    int 0x10
    jmp next_letter
halted:
    hlt
    jmp halted

message:
    .asciz "TINY-FAILED the BIOS cannot read the disk\r\n"

.balign 4
parts:                          # first sector, sectors, target
    .long 1, LOW_SECTORS, LOW_SEGMENT * 16
    .long 1 + LOW_SECTORS, KERNEL_SECTORS, 0x100000
    .long 1 + LOW_SECTORS + KERNEL_SECTORS, RAMDISK_SECTORS, RAMDISK_TARGET
parts_end:

packet:
    .byte 16, 0
packet_count:
    .word 0
    .word 0, BUFFER / 16
packet_sector:
    .quad 0

table:
    .quad 0
    .quad 0x00cf92000000ffff    # data, 0 to 4 GiB
table_pointer:
    .word table_pointer - table - 1
    .long table
drive:
    .byte 0
