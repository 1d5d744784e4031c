// Writes the inputs that fuzzing starts from: a folder for each target below the one named, a file for each input.
// `Scripts/fuzz --seed` calls it, and keeps those that add coverage.

import Foundation
import PacketForge
import Wire

@main
enum Seeds {
    static func main() throws {
        let folder = URL(filePath: CommandLine.arguments[1])
        var generator = SplitMix64(seed: 0x5eed)
        let blocks = (0..<400).map { _ in OptionBlock(using: &generator).bytes }
        try write(blocks, to: folder.appending(path: "FuzzOptions"))
        let packets = packets(blocks, using: &generator)
        try write(packets, to: folder.appending(path: "FuzzPacket"))
        try write(captures(Array(packets.prefix(40))), to: folder.appending(path: "FuzzCapture"))
        try write(filters(using: &generator), to: folder.appending(path: "FuzzFilter"))
        try write(scripts(using: &generator), to: folder.appending(path: "FuzzTracker"))
    }

    private static func write(_ inputs: [[UInt8]], to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (index, input) in inputs.enumerated() {
            try Data(input).write(to: folder.appending(path: String(index)))
        }
    }

    /// Each block in a packet of one of the forms that lead to a TCP header, or nearly so.
    private static func packets(_ blocks: [[UInt8]], using generator: inout SplitMix64) -> [[UInt8]] {
        let chains: [[(type: UInt8, rest: [UInt8])]] = [
            [], [(0, [0, 1, 4, 0, 0, 0, 0])], [(60, [1] + [UInt8](repeating: 0, count: 14))],
            [(51, [4] + [UInt8](repeating: 0, count: 22)), (135, [0, 0, 0, 0, 0, 0, 0])],
            [(44, [0, 0, 0, 0, 0, 0, 9])],
        ]
        return blocks.flatMap { block in
            var draft = PacketDraft(
                sequence: generator.word(), flags: TCPFlags(rawValue: generator.word()), options: block,
                payload: generator.bytes(0...8))
            if Bool.random(using: &generator) {
                draft.source = Endpoint("[2001:db8::2]:43210")!
                draft.destination = Endpoint("[2001:db8:9::2]:80")!
                draft.extensions = chains.randomElement(using: &generator)!
            } else {
                draft.ipv4Options = generator.bytes(0...2).flatMap { _ in [1, 1, 1, 1] as [UInt8] }
            }
            draft.fragmentSize = Int.random(in: 0..<20, using: &generator) == 0 ? 24 : nil
            return draft.packets
        }
    }
}
