#include "flow/key.hpp"

#include <bit>
#include <cstring>

namespace finwait::flow {

namespace {

class SipHash {
  public:
    explicit SipHash(const HashKey& secret)
        : v0_(secret.k0 ^ 0x736f6d6570736575ULL),
          v1_(secret.k1 ^ 0x646f72616e646f6dULL),
          v2_(secret.k0 ^ 0x6c7967656e657261ULL),
          v3_(secret.k1 ^ 0x7465646279746573ULL) {}

    void add(std::uint64_t word) {
        v3_ ^= word;
        round();
        v0_ ^= word;
    }

    [[nodiscard]] std::uint64_t finish() {
        v2_ ^= 0xff;
        round();
        round();
        round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

  private:
    void round() {
        v0_ += v1_;
        v2_ += v3_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v1_;
        v0_ += v3_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_, v1_, v2_, v3_;
};

template<typename T>
T load(const std::uint8_t* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

}  // namespace

std::uint64_t hash(const HashKey& secret, const Key& key) {
    SipHash sip(secret);
    const std::uint8_t* low = key.low.address.bytes().data();
    const std::uint8_t* high = key.high.address.bytes().data();
    const std::uint64_t ports = static_cast<std::uint64_t>(key.low.port) << 16U | key.high.port;
    if (key.low.address.is_v4() && key.high.address.is_v4()) {
        sip.add(static_cast<std::uint64_t>(load<std::uint32_t>(low + 12)) << 32U |
                load<std::uint32_t>(high + 12));
        sip.add(ports);
    } else {
        sip.add(load<std::uint64_t>(low));
        sip.add(load<std::uint64_t>(low + 8));
        sip.add(load<std::uint64_t>(high));
        sip.add(load<std::uint64_t>(high + 8));
        sip.add(ports | 1ULL << 63U);
    }
    return sip.finish();
}

}  // namespace finwait::flow
