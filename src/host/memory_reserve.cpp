#include "host/memory_reserve.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <new>
#include <sys/mman.h>

namespace finwait::host {

namespace {

/// The C library asks the kernel for 128 KiB at least when its heap grows (mallopt(3), M_TOP_PAD).
constexpr std::size_t kPiece = std::size_t{512} << 10U;
constexpr std::size_t kPieces = 8;

std::array<std::atomic<void*>, kPieces> pieces{};
std::atomic<bool> kept_back = false;
std::atomic<std::uint64_t> refusals = 0;

/// Its pages are not touched: it takes address space, and what a limit counts, but no memory.
void* map_piece() {
    void* const piece = ::mmap(nullptr, kPiece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return piece == MAP_FAILED ? nullptr : piece;
}

/// False when a piece is missing and there is no memory for it.
bool fill() {
    for (std::atomic<void*>& place : pieces) {
        if (place.load(std::memory_order_relaxed) != nullptr) continue;
        void* const piece = map_piece();
        if (piece == nullptr) return false;
        void* expected = nullptr;
        if (!place.compare_exchange_strong(expected, piece)) ::munmap(piece, kPiece);
    }
    return true;
}

/// Called by new, which tries again when it returns.
void give_a_piece() {
    for (std::atomic<void*>& place : pieces) {
        void* const piece = place.exchange(nullptr);
        if (piece == nullptr) continue;
        ::munmap(piece, kPiece);
        return;
    }
    throw std::bad_alloc();
}

}  // namespace

void keep_memory_back() {
    static_cast<void>(fill());
    kept_back = true;
    std::set_new_handler(&give_a_piece);
}

bool memory_is_short() {
    return kept_back && !fill();
}

void note_no_memory() noexcept {
    refusals.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t times_without_memory() noexcept {
    return refusals.load(std::memory_order_relaxed);
}

}  // namespace finwait::host
