# Prints what Ruby writes again, a JSON line for each: `ruby make-ruby.rb < originals.json > ruby.jsonl`.
# null is written where Ruby reads or writes no JSON, or text that is not UTF-8.

require "json"

STYLES = {
  "Ruby to_json" => ->(value) { value.to_json },
  "Ruby JSON.pretty_generate" => ->(value) { JSON.pretty_generate(value) },
}.freeze

originals = JSON.parse($stdin.read)
STYLES.each do |style, write|
  originals.each do |original|
    text = begin
      write.call(JSON.parse(original["body"]))
    rescue JSON::JSONError
      nil
    end
    text = nil unless text.nil? || text.valid_encoding?
    puts JSON.generate("style" => style, "name" => original["name"], "text" => text)
  end
end
