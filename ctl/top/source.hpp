// Asks the daemon for what the screen shows, on a thread of its own, so that keys never wait. One request is
// under way at a time. After each there is a pause of nine times as long as it took: a screen that is only
// looked at takes a tenth of the daemon's time at most. For keys that want something new the pause is as long
// as it took: who holds one down takes half.
#pragma once

#include "ctl/top/news.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace finwait::ctl::top {

class Source {
  public:
    explicit Source(std::string socket);
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    ~Source();

    /// What is wanted from now on; something new is asked for soon. Before that, nothing is.
    void want(const Question& question, const std::optional<std::string>& opened);
    /// Has this flow ended, and tells how that comes out.
    void end(const nlohmann::json& flow);

    /// Readable while there is news.
    [[nodiscard]] int descriptor() const { return news_ready_; }
    /// What has come in since the last time.
    [[nodiscard]] std::vector<News> take();

  private:
    struct Wanted {
        Question question;
        std::optional<std::string> opened;
        std::optional<nlohmann::json> to_end;
    };
    class Ending;

    void run();
    void tell(News news);
    [[nodiscard]] News ask_for(const Question& question) const;
    [[nodiscard]] News ask_for(const std::string& id) const;

    std::string socket_;
    int news_ready_;  // an eventfd

    std::mutex mutex_;
    std::condition_variable wake_;
    Wanted wanted_;
    bool asked_ = false;  // for anything at all
    bool changed_ = false;
    bool stop_ = false;
    std::vector<News> news_;

    std::thread thread_;
};

}  // namespace finwait::ctl::top
